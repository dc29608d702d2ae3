//! The thresholds of `make accuracy`, as a test, where the sample photos are beside the repository.

#[path = "../examples/accuracy/compare.rs"]
mod compare;

#[test]
fn real_files_are_read_as_exiftool_reads_them() {
    let folders = compare::usual_folders();
    if let Some(missing) = folders.iter().find(|folder| !folder.join("expected.json").exists()) {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is missing", missing.display());
        println!("skipped: {} is missing", missing.display());
        return;
    }
    let mut report = compare::Report::default();
    for folder in &folders {
        report.compare(folder).unwrap();
    }
    println!("{report}");
    assert!(report.passes(), "{report}");
}
