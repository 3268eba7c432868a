//! Postoffices on a memory disk for the tests of this floor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::core::base::finding::Severity;
use crate::core::base::time::UnixTime;
use crate::core::format::fresh::{FreshParams, fresh_postoffice};
use crate::core::format::layout_txt::TreeId;
use crate::insight::check::{CheckOptions, check};
use crate::tree::disk::mem::MemDisk;
use crate::tree::journal::CommitInfo;
use crate::tree::{Command, Domain, DomainKind, OpenOptions, RelPath, TreeMut, TreeView};

use super::edit::Edit;
use super::error::PoError;
use super::lists::Lists;
use super::lists::users::NewUser;

/// 1994-04-07 12:13:52 UTC, as in the published LISTQ sample.
pub(crate) const NOW: UnixTime = UnixTime(765_720_832);

pub(crate) const DOMAIN: Domain = Domain {
    kind: DomainKind::Postoffice,
};

pub(crate) struct TestPo {
    pub(crate) disk: MemDisk,
    pub(crate) now: UnixTime,
}

impl TestPo {
    pub(crate) fn new(network: &str, postoffice: &str) -> Self {
        let tree = fresh_postoffice(&FreshParams {
            network: network.as_bytes(),
            postoffice: postoffice.as_bytes(),
            admin_mailbox: b"Admin",
            admin_full_name: b"Administrator",
            created: jiff::Timestamp::from_second(i64::from(NOW.0) - 1000).unwrap(),
            zone: "UTC",
            tree_id: TreeId([7; 16]),
            serial: b"0000-00000",
        })
        .unwrap();
        let disk = MemDisk::new();
        for dir in &tree.directories {
            disk.add_dir(&RelPath::new(dir).unwrap()).unwrap();
        }
        for file in &tree.files {
            disk.add_file(&RelPath::new(&file.path).unwrap(), &file.bytes)
                .unwrap();
        }
        disk.settle();
        Self { disk, now: NOW }
    }

    fn options() -> OpenOptions {
        OpenOptions {
            wait: Duration::ZERO,
            ..OpenOptions::default()
        }
    }

    pub(crate) fn view(&self) -> TreeView {
        TreeView::open(Arc::new(self.disk.clone()), DOMAIN, &Self::options()).unwrap()
    }

    /// One commit.
    pub(crate) fn edit<T>(
        &self,
        change: impl FnOnce(&mut Edit<'_>) -> Result<T, PoError>,
    ) -> Result<T, PoError> {
        let mut tree =
            TreeMut::open(Arc::new(self.disk.clone()), DOMAIN, &Self::options()).unwrap();
        let (plan, result) = {
            let mut edit = Edit::new(tree.view());
            let result = change(&mut edit)?;
            (edit.finish()?, result)
        };
        let info = CommitInfo {
            command: Command::User,
            user: "test".into(),
            now: self.now,
            counts: Vec::new(),
        };
        tree.commit(&plan, &info)?;
        Ok(result)
    }

    /// One commit of the lists.
    pub(crate) fn lists<T>(
        &self,
        change: impl FnOnce(&mut Lists, &mut Edit<'_>) -> Result<T, PoError>,
    ) -> Result<T, PoError> {
        let now = self.now;
        self.edit(|edit| {
            let mut lists = Lists::open(edit, now)?;
            let result = change(&mut lists, edit)?;
            lists.save(edit)?;
            Ok(result)
        })
    }

    pub(crate) fn read<T>(&self, look: impl FnOnce(&Lists) -> T) -> T {
        let view = self.view();
        let mut edit = Edit::new(&view);
        look(&Lists::open(&mut edit, self.now).unwrap())
    }

    pub(crate) fn add_user(&self, mailbox: &str, name: &str) {
        self.lists(|lists, edit| lists.add_user(edit, &user(mailbox, name)))
            .unwrap();
    }

    pub(crate) fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.view().read(path, 1 << 26).unwrap()
    }

    pub(crate) fn put(&self, path: &str, bytes: &[u8]) {
        self.edit(|edit| Ok(edit.write(path, bytes.to_vec())?))
            .unwrap();
    }

    /// The texts of the waiting transactions.
    pub(crate) fn waiting(&self) -> Vec<String> {
        use crate::core::format::transactions::{Item, Reader, Trust};
        let bytes = self.bytes("GLB/REQTRANS.GLB").unwrap();
        let mut reader = Reader::new(&bytes[..], Trust::Tree);
        let mut found = Vec::new();
        while let Some(Ok(Item::Record { record, .. })) = reader.next_item() {
            let text = crate::core::base::codepage::CodePage::Cp850.decode(record.text);
            found.push(format!("{} {}", record.head.sync, text.replace('\t', "|")));
        }
        found
    }

    /// What the check finds, but for notes and the files that no tree of ours has.
    pub(crate) fn findings(&self) -> Vec<String> {
        let options = CheckOptions {
            now_unix_s: self.now.0,
            ..CheckOptions::default()
        };
        check(&self.view(), &options, &mut |_| {})
            .unwrap()
            .found
            .into_iter()
            .filter(|found| found.finding.severity > Severity::Note)
            .map(|found| {
                format!(
                    "{} {}: {}",
                    found.finding.id, found.finding.file, found.finding.message
                )
            })
            .collect()
    }

    pub(crate) fn assert_clean(&self) {
        let found = self.findings();
        assert!(found.is_empty(), "{found:#?}");
    }

    /// Every file, for comparing trees; the journal's own files are left out.
    pub(crate) fn snapshot(&self) -> BTreeMap<String, String> {
        self.disk
            .snapshot()
            .into_iter()
            .filter(|(path, _)| !path.contains("JOURNAL") && !path.contains("TREE.LCK"))
            .map(|(path, node)| (path, format!("{node:?}")))
            .collect()
    }
}

pub(crate) fn user(mailbox: &str, name: &str) -> NewUser {
    let encode = |text: &str| {
        crate::core::base::codepage::CodePage::Cp850
            .encode(text)
            .unwrap()
    };
    NewUser {
        mailbox: encode(mailbox),
        full_name: encode(name),
        dirsync: true,
        info: Vec::new(),
        strict_limits: false,
    }
}
