//! How fast it is. Run with `--release -- --ignored --nocapture`.

use std::time::Instant;

use crate::stage::{Kind, Stage, photo};

/// First scan, second start, memory.
#[test]
#[ignore = "a measurement"]
fn measure() {
    for (name, kind) in [("model", Kind::Model), ("library", Kind::Library)] {
        let mut stage = Stage::new(&kind);
        stage.options = daemon::watch::WatchOptions::default();
        let count = std::env::var("FILES").ok().and_then(|count| count.parse().ok()).unwrap_or(20_000);
        let padding = vec![3; 3000];
        for number in 0..count {
            let mut bytes = photo(number);
            bytes.extend(&padding);
            stage.write(format!("{}/{number}.jpg", number / 500), &bytes);
        }
        std::thread::sleep(std::time::Duration::from_secs(3));
        let wait = |stage: &Stage| {
            while !stage.watcher().wait_idle(Instant::now() + std::time::Duration::from_secs(5)) {}
        };
        let begun = Instant::now();
        stage.start();
        wait(&stage);
        let took = begun.elapsed();
        println!("{name}: first {count} in {took:?}: {:.0} files/s", count as f64 / took.as_secs_f64());
        stage.stop();
        let begun = Instant::now();
        stage.start();
        wait(&stage);
        println!("{name}: again {count} in {:?}; read {}", begun.elapsed(), stage.watcher().report().read);
        let begun = Instant::now();
        stage.write("fresh.jpg", &photo(count));
        stage.until("the fresh one", |stage| stage.says("fresh.jpg") == "asset");
        println!("{name}: fresh after {:?}", begun.elapsed());
    }
}
