//! Random operations: the disk in memory and the real ones agree on every answer and on the tree
//! that results.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Create(RelPath, Vec<u8>),
    Write(RelPath, u64, Vec<u8>),
    SetLen(RelPath, u64),
    Allocate(RelPath, u64, u64),
    Mkdir(RelPath),
    Rmdir(RelPath),
    Unlink(RelPath),
    Rename(RelPath, RelPath),
    Move(RelPath, RelPath),
    HardLink(String, String),
    Link(String),
    Stat(RelPath),
    Sync(RelPath),
    SyncDir(RelPath),
}

fn a_path() -> impl Strategy<Value = RelPath> {
    prop::collection::vec("[ABC]", 1..4).prop_map(|names| path(&names.join("/")))
}

fn a_step() -> impl Strategy<Value = Step> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        3 => (a_path(), bytes()).prop_map(|(p, b)| Step::Create(p, b)),
        2 => (a_path(), 0..9000u64, bytes()).prop_map(|(p, at, b)| Step::Write(p, at, b)),
        1 => (a_path(), 0..9000u64).prop_map(|(p, len)| Step::SetLen(p, len)),
        1 => (a_path(), 0..9000u64, 0..9000u64).prop_map(|(p, at, n)| Step::Allocate(p, at, n)),
        3 => a_path().prop_map(Step::Mkdir),
        1 => a_path().prop_map(Step::Rmdir),
        1 => a_path().prop_map(Step::Unlink),
        4 => (a_path(), a_path()).prop_map(|(a, b)| Step::Rename(a, b)),
        2 => (a_path(), a_path()).prop_map(|(a, b)| Step::Move(a, b)),
        1 => (a_path(), a_path())
            .prop_map(|(a, b)| Step::HardLink(a.as_str().into(), b.as_str().into())),
        1 => a_path().prop_map(|p| Step::Link(p.as_str().into())),
        1 => a_path().prop_map(Step::Stat),
        1 => a_path().prop_map(Step::Sync),
        1 => a_path().prop_map(Step::SyncDir),
    ]
}

/// What a step answers, without what depends on the system (times, owners, first modes).
fn answer(bench: &Bench, step: &Step) -> Result<Option<(EntryKind, u64, u64)>, Kind> {
    let disk = bench.disk.as_ref();
    let done = |result: DiskResult<()>| result.map(|()| None).map_err(|error| error.kind);
    match step {
        Step::Create(at, bytes) => done(disk.create_new(at).and_then(|mut f| f.write_at(bytes, 0))),
        Step::Write(at, offset, bytes) => done(
            disk.open_write(at)
                .and_then(|mut file| file.write_at(bytes, *offset)),
        ),
        Step::SetLen(at, len) => done(disk.open_write(at).and_then(|mut f| f.set_len(*len))),
        Step::Allocate(at, offset, len) => done(
            disk.open_write(at)
                .and_then(|mut file| file.allocate(*offset, *len)),
        ),
        Step::Mkdir(at) => done(disk.mkdir(at)),
        Step::Rmdir(at) => done(disk.rmdir(at)),
        Step::Unlink(at) => done(disk.unlink(at)),
        Step::Rename(from, to) => done(disk.rename(from, to)),
        Step::Move(from, to) => done(disk.rename_noreplace(from, to)),
        Step::HardLink(from, to) => {
            let is_file = matches!(
                disk.stat(&path(from)),
                Ok(Some(Stat {
                    kind: EntryKind::File,
                    ..
                }))
            );
            if is_file && free(bench, to) {
                bench.hard_link(from, to);
            }
            Ok(None)
        }
        Step::Link(name) => {
            if free(bench, name) {
                bench.link(name, "A");
            }
            Ok(None)
        }
        Step::Stat(at) => match disk.stat(at) {
            Ok(stat) => Ok(stat.map(|stat| (stat.kind, stat.len, stat.links))),
            Err(error) => Err(error.kind),
        },
        Step::Sync(at) => done(disk.sync_group(std::slice::from_ref(at))),
        Step::SyncDir(at) => done(disk.sync_dir(at)),
    }
}

/// Whether something may be made at `name`: the parent is a directory and nothing stands there.
fn free(bench: &Bench, name: &str) -> bool {
    let at = path(name);
    let parent = bench.disk.stat(&at.parent().unwrap());
    matches!(
        parent,
        Ok(Some(Stat {
            kind: EntryKind::Dir,
            ..
        }))
    ) && matches!(bench.disk.stat(&at), Ok(None))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn memory_and_reality_agree(steps in prop::collection::vec(a_step(), 1..80)) {
        let memory = Bench::memory();
        let others = [Bench::real(), Bench::fallback()];
        for step in &steps {
            let expected = answer(&memory, step);
            for other in &others {
                prop_assert_eq!(answer(other, step), expected, "{:?}", step);
            }
        }
        let expected = tree(memory.disk.as_ref());
        for other in &others {
            prop_assert_eq!(&tree(other.disk.as_ref()), &expected);
        }
    }
}
