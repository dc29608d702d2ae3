//! Photos put into an album, and photos copied into `inbox/`, against a copier that has the disk keep each file.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use galleryfs_tests::Site;

use crate::photos::photo;
use crate::table::{Table, duration};
use crate::timing::time;

/// How many are put into an album by one `cp -l`.
const LINKED: usize = 10_000;
const LINKS_A_SECOND: f64 = 2_000.0;

/// How many files of each size are copied, and how large they are.
const COPIED: [(usize, usize, Option<f64>); 2] = [(2_000, 3_000_000, Some(0.5)), (2_000, 100_000, None)];

/// All of it; of what is copied, as much as `share` says.
pub(crate) fn measure(site: &Site, share: f64, table: &mut Table) {
    let album = site.mount().join("albums/Bench");
    std::fs::create_dir(&album).expect("an album");
    let view = site.mount().join("types/image");
    let names = view.read_dir().expect("a view").take(LINKED);
    let photos: Vec<_> = names.map(|entry| entry.expect("an entry").path()).collect();
    let took = time(|| {
        for some in photos.chunks(1_000) {
            let done = Command::new("cp").arg("-lt").arg(&album).args(some).status().expect("cp");
            assert!(done.success());
        }
    });
    let rate = photos.len() as f64 / took.as_secs_f64();
    table
        .row(format!("cp -l of {} photos into an album", photos.len()), format!("{rate:.0}/s"))
        .budget(">= 2000/s", rate >= LINKS_A_SECOND);

    for (count, size, budget) in COPIED {
        let count = (count as f64 * share) as usize;
        let card = site.folder().join("card");
        std::fs::create_dir_all(&card).expect("a card");
        for number in 0..count {
            let file = photo(20_000_000 + number + size).padding(size);
            std::fs::write(card.join(format!("CARD_{number}.jpg")), file.bytes()).expect("a photo");
        }
        let (inbox, peer) = (site.mount().join("inbox"), site.folder().join("peer"));
        std::fs::create_dir_all(&peer).expect("a folder");
        let ours = time(|| copy(&card, &inbox, false));
        let theirs = time(|| copy(&card, &peer, true));
        let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
        let row =
            table.row(format!("{count} files of {} kB copied into inbox/", size / 1000), duration(ours));
        row.against(format!("copy, fsync of file and folder {}", duration(theirs)), ratio);
        if let Some(least) = budget {
            row.budget(&format!(">= {least} x"), ratio >= least);
        }
        std::fs::remove_dir_all(&card).expect("the card goes");
        std::fs::remove_dir_all(&peer).expect("the copies go");
    }
}

/// Copies every file of a folder, one after the other; the disk keeps each before the next where that is asked.
fn copy(from: &Path, to: &Path, keep: bool) {
    for entry in from.read_dir().expect("a card") {
        let entry = entry.expect("an entry");
        let mut source = File::open(entry.path()).expect("a photo");
        let mut target = File::create(to.join(entry.file_name())).expect("its copy");
        std::io::copy(&mut source, &mut target).expect("room");
        if keep {
            target.sync_all().expect("a disk");
            File::open(to).and_then(|folder| folder.sync_all()).expect("a disk");
        }
    }
}
