//! How the library is, put together from the library, the watcher and the mount.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use anyhow::Result;
use library::{Kind, RootId, Row};
use vision::remote::ServerState;

use super::{FIRST_LOOK, Service};
use crate::output::{Activity, Busy, Offline, Root, Stage, State, Status, Unreadable, Vision};
use crate::pipeline::progress::{self, Report, WatchMode};
use crate::raw_path::RawPath;
use crate::seeing::{Seeing, SeeingReport};
use crate::stop::Stop;

impl Service {
    /// How things stand.
    pub fn status(&self) -> Result<Status> {
        self.let_text_catch_up(FIRST_LOOK);
        let snapshot = self.library.snapshot();
        let (mut assets, mut videos, mut bytes) = (0, 0, 0);
        for (_, row) in self.listed(&snapshot) {
            assets += 1;
            videos += u64::from(row.kind == Kind::Video);
            bytes += row.size;
        }
        let account = self.library.account();
        let is_missing = |row: &Row| !row.present && row.kind != Kind::Sidecar && row.owner == account;
        let missing = snapshot.rows().filter(|(_, row)| is_missing(row)).count();
        let report = self.watcher().map(|watcher| watcher.progress().report());
        let seen = self.seeing().map(Seeing::report);
        let activity = self.activity_by(report.as_ref(), seen.as_ref());
        let mut notes = self.notes(report.as_ref());
        notes.extend(self.sidecars.get().into_iter().flat_map(|troubles| troubles.notes()));
        notes.extend(seen.iter().filter_map(|seen| seen.trouble.clone()));
        Ok(Status {
            state: activity.state,
            assets,
            images: assets - videos,
            videos,
            bytes,
            missing: missing as u64,
            pending: activity.pending,
            busy: report.as_ref().map(|_| activity.busy),
            stages: seen.as_ref().map(|seen| {
                let rounded = |rate: f64| (rate * 10.0).round() / 10.0;
                let stage = |(word, (done, rate)): (&&str, &(u64, f64))| {
                    ((*word).to_owned(), Stage { done: *done, rate: rounded(*rate) })
                };
                seen.stages.iter().map(stage).collect()
            }),
            vision: seen.as_ref().map(|seen| Vision {
                runtime: seen.eyes.runtime.as_ref().map(|(path, version)| format!("{version} ({path})")),
                provider: seen.eyes.provider.clone(),
                refused: seen.eyes.refused.clone(),
                clip: seen.eyes.clip.clone(),
                meanwhile: seen.eyes.meanwhile.clone(),
                faces: seen.eyes.faces.clone(),
                servers: seen
                    .servers
                    .iter()
                    .map(|server| (server.url.clone(), words(&server.state)))
                    .collect(),
                waiting: seen.left,
                missing: seen.eyes.missing.clone(),
            }),
            unreadable: or_noted(self.unreadable(), &mut notes),
            offline: or_noted(self.offline(), &mut notes),
            mount: self.mount().map(|mount| mount.to_string_lossy().into_owned()),
            url: None,
            data: self.data.to_string_lossy().into_owned(),
            roots: self.roots(report.as_ref()),
            notes,
            pid: report.as_ref().map(|_| std::process::id()),
            since: report.as_ref().map(|_| self.since.to_string()),
            library: self.library.id().to_string(),
            versions: BTreeMap::from([
                ("galleryfs".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
                ("journal".to_owned(), library::journal::FORMAT.to_string()),
            ]),
        })
    }

    /// How far the work is.
    pub fn activity(&self) -> Activity {
        let report = self.watcher().map(|watcher| watcher.progress().report());
        self.activity_by(report.as_ref(), self.seeing().map(Seeing::report).as_ref())
    }

    fn activity_by(&self, report: Option<&Report>, seen: Option<&SeeingReport>) -> Activity {
        let text = self.library.pending_text();
        let Some(report) = report else {
            return Activity {
                state: State::Stopped,
                pending: text,
                busy: Busy::default(),
                looking: (0, 0.0),
            };
        };
        let left = seen.map_or(0, |seen| seen.left);
        let rates = seen.iter().flat_map(|seen| seen.stages.values()).map(|(_, rate)| *rate);
        let rate = rates.fold(0.0, f64::max);
        let state = match report.state {
            _ if self.stop.as_ref().is_some_and(Stop::is_asked) => State::Stopping,
            progress::State::Scanning => State::Scanning,
            progress::State::Indexing => State::Indexing,
            progress::State::Watching if text + left > 0 => State::Indexing,
            progress::State::Watching => State::Ready,
        };
        // The pipeline's counter of waiting files is renewed when a file is taken in hand: when nothing is begun and
        // unfinished any more it says nothing, and while something is, that is work even if nothing waits behind it.
        let waiting = if report.state == progress::State::Watching { 0 } else { report.waiting.max(1) };
        Activity {
            state,
            pending: waiting + text + left,
            busy: Busy { waiting, ..busy(report) },
            looking: (left, rate),
        }
    }

    fn unreadable(&self) -> Result<Vec<Unreadable>> {
        let own = self.own_roots();
        let files = self.library.unreadable()?.into_iter().filter(|file| own.contains(&file.file.root));
        let entry = |file: library::Unreadable| Unreadable {
            path: file.path.to_string_lossy().into_owned(),
            path_raw: file.path.to_str().is_none().then(|| RawPath::encode(&file.path)),
            reason: file.reason,
        };
        let mut unreadable: Vec<Unreadable> = files.map(entry).collect();
        for (asset, unseen) in self.library.all_unseen()? {
            let Some(details) = self.library.details(asset)? else { continue };
            unreadable.extend(details.paths.first().map(|path| Unreadable {
                path: path.to_string_lossy().into_owned(),
                path_raw: path.to_str().is_none().then(|| RawPath::encode(path)),
                reason: format!("its picture cannot be shown: {}", unseen.reason),
            }));
        }
        Ok(unreadable)
    }

    fn offline(&self) -> Result<Vec<Offline>> {
        let entry = |away: library::Away| Offline {
            path: away.path.to_string_lossy().into_owned(),
            reason: away.reason,
            since: away.since.to_string(),
        };
        let own = self.own_roots();
        Ok(self.library.away()?.into_iter().filter(|away| own.contains(&away.root)).map(entry).collect())
    }

    fn own_roots(&self) -> HashSet<RootId> {
        let account = self.library.account();
        let snapshot = self.library.snapshot();
        snapshot
            .folders()
            .roots()
            .filter(|(root, _)| root.owner == account)
            .map(|(root, _)| root.id)
            .collect()
    }

    fn roots(&self, report: Option<&Report>) -> Vec<Root> {
        let snapshot = self.library.snapshot();
        let account = self.library.account();
        let own = snapshot.folders().roots().filter(|(root, _)| root.owner == account);
        let roots = own.map(|(root, _)| {
            let progress = report.and_then(|report| report.roots.get(&root.id));
            let watch = progress.map(|progress| match progress.mode {
                WatchMode::Starting => "starting",
                WatchMode::Watched => "inotify",
                WatchMode::Limited => "inotify+scan",
                WatchMode::Scanned => "scan",
                WatchMode::Away => "away",
            });
            // A daemon answers before it has begun to watch.
            let watch = watch.or((root.watched && self.stop.is_some()).then_some("starting"));
            Root {
                path: root.path.to_string_lossy().into_owned(),
                name: root.name.clone(),
                watch: watch.map(str::to_owned),
                reason: progress.and_then(|progress| progress.reason.clone()),
            }
        });
        roots.collect()
    }

    fn notes(&self, report: Option<&Report>) -> Vec<String> {
        let mut notes = self.library.notes();
        let Some(report) = report else { return notes };
        notes.extend(report.trouble.iter().cloned());
        for root in report.roots.values() {
            let path = |path: &Path| path.display().to_string();
            if root.links_ignored > 0 {
                notes.push(format!(
                    "{} symbolic links below {} are not followed",
                    root.links_ignored,
                    path(&root.path)
                ));
            }
            notes.extend(root.problems.iter().cloned());
        }
        notes
    }
}

fn words(state: &ServerState) -> String {
    match state {
        ServerState::Unknown => "not asked yet".to_owned(),
        ServerState::Well => "well".to_owned(),
        ServerState::Failing(reason) => reason.clone(),
    }
}

/// What a failed catalogue cannot tell is left out with a note: the rest is what somebody needs to see then.
fn or_noted<T>(answer: Result<Vec<T>>, notes: &mut Vec<String>) -> Vec<T> {
    answer.unwrap_or_else(|error| {
        let note = error.to_string();
        if !notes.contains(&note) {
            notes.push(note);
        }
        Vec::new()
    })
}

fn busy(report: &Report) -> Busy {
    Busy {
        waiting: report.waiting,
        read: report.read,
        unchanged: report.unchanged,
        moved: report.moved,
        unreadable: report.unreadable,
        bytes: report.bytes,
        rate: (report.rate * 10.0).round() / 10.0,
    }
}
