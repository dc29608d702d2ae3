//! Libraries that are no ONNX Runtime, or one that cannot be used: found out in the child, told, and passed over.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use vision::provider::{Provider, WantedProvider};
use vision::runtime::probe::Patience;
use vision::runtime::proof::choose;
use vision::runtime::{self, Origin, Prober, Rejection, Search};

/// Builds a library from a few lines of C: what hangs or crashes when it is loaded cannot be written in Rust.
fn library(path: &Path, source: &str) {
    let c = path.with_extension("c");
    std::fs::write(&c, source).unwrap();
    let status = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(path).arg(&c).status();
    assert!(status.expect("a C compiler is needed, as for the build").success());
}

/// Says it is `version`, and has an interface or not.
fn pretender(path: &Path, version: &str, api: &str) {
    let source = format!(
        "static const char *get_version(void) {{ return \"{version}\"; }}\n\
         static const void *get_api(unsigned v) {{ return {api}; }}\n\
         static struct {{ const void *(*a)(unsigned); const char *(*v)(void); }} base = {{ get_api, get_version }};\n\
         const void *OrtGetApiBase(void) {{ return &base; }}\n"
    );
    library(path, &source);
}

fn impatient() -> Prober {
    let patience = Patience { check: Duration::from_secs(2), proof: Duration::from_secs(2) };
    support::prober().with_patience(patience)
}

#[test]
fn what_is_no_runtime_is_told_by_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libonnxruntime.so");
    let check = || impatient().check(&path);

    std::fs::write(&path, b"no library at all").unwrap();
    assert!(matches!(check(), Err(Rejection::Failed(_))), "{:?}", check());
    library(&path, "int something_else = 1;\n");
    assert!(matches!(check(), Err(Rejection::Failed(reason)) if reason.contains("OrtGetApiBase")));
    library(&path, "const void *OrtGetApiBase(void) { return 0; }\n");
    assert!(matches!(check(), Err(Rejection::Failed(_))));
    library(
        &path,
        "#include <unistd.h>\n__attribute__((constructor)) static void hang(void) { for (;;) pause(); }\n",
    );
    assert!(matches!(check(), Err(Rejection::Hung(_))), "{:?}", check());
    library(
        &path,
        "#include <stdlib.h>\n__attribute__((constructor)) static void crash(void) { abort(); }\n",
    );
    assert!(matches!(check(), Err(Rejection::Crashed(how)) if how.contains("signal 6")), "{:?}", check());
    library(
        &path,
        "#include <unistd.h>\n__attribute__((constructor)) static void leave(void) { _exit(0); }\n",
    );
    assert!(matches!(check(), Err(Rejection::Crashed(_))));
    pretender(&path, "1.30.0", "0");
    assert!(matches!(check(), Err(Rejection::Failed(reason)) if reason.contains("1.30.0")));
    pretender(&path, "nonsense", "get_version");
    assert!(check().is_err());
    pretender(&path, "1.16.3", "get_version");
    assert_eq!(check().unwrap().to_string(), "1.16.3");
}

#[test]
fn the_first_that_will_do_is_found_and_the_others_are_told() {
    let good = support::runtime(Provider::Cpu);
    let folder = tempfile::tempdir().unwrap();
    let (named, beside) = (folder.path().join("gone.so"), folder.path().join("beside"));
    std::fs::create_dir(&beside).unwrap();
    pretender(&beside.join("libonnxruntime.so.1.16.3"), "1.16.3", "get_version");
    let search = Search {
        configured: Some(named.clone()),
        beside_program: vec![beside],
        pulled: Some(good.path.parent().unwrap().to_owned()),
        ..Search::default()
    };
    let found = runtime::find(&search, &impatient()).unwrap();
    assert_eq!((found.origin, found.version), (Origin::Pulled, good.version));
    let told: Vec<_> =
        found.rejected.iter().map(|rejected| (rejected.candidate.origin, &*rejected.reason)).collect();
    assert_eq!(told[0], (Origin::Configured, "there is no such file"));
    assert!(told[1].0 == Origin::BesideProgram && told[1].1.contains("1.16.3"), "{told:?}");

    let none =
        runtime::find(&Search { configured: Some(named), ..Search::default() }, &impatient()).unwrap_err();
    assert!(none.to_string().contains("galleryfs runtime pull cpu"), "{none}");
}

#[test]
fn a_child_that_cannot_be_started_is_no_verdict_on_the_library() {
    let prober = Prober::new("/nonexistent/program", [""; 0]);
    assert!(matches!(prober.check(Path::new("/x")), Err(Rejection::Unchecked(_))));
}

#[test]
fn a_provider_that_does_not_work_is_refused_with_its_reason() {
    // This runtime has no OpenVINO in it, but a file that says it has: only the attempt can tell.
    let good = support::runtime(Provider::Cpu);
    let folder = tempfile::tempdir().unwrap();
    let library_path = folder.path().join("libonnxruntime.so.1");
    std::fs::copy(&good.path, &library_path).unwrap();
    library(&folder.path().join("libonnxruntime_providers_openvino.so"), "int nothing = 0;\n");
    let choice = choose(&support::prober(), &library_path, None, WantedProvider::Only(Provider::OpenVino));
    assert_eq!(choice.provider, Provider::Cpu);
    assert_eq!(choice.refused.len(), 1);
    assert!(
        !choice.refused[0].reason.is_empty() && !choice.refused[0].reason.contains("runtime pull"),
        "{choice:?}"
    );
    // The processor agrees with itself: the proof itself works.
    assert!(support::prober().prove(&good.path, None, Provider::Cpu).unwrap() > 0.9999);
}
