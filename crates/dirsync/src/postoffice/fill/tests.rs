use super::csv_rows::CsvRows;
use super::ldif::LdifRows;
use super::{COMMIT_USERS, FillOptions, Filled, RowResult, fill};
use crate::postoffice::error::PoError;
use crate::postoffice::testtree::{NOW, TestPo};

fn options() -> FillOptions {
    FillOptions {
        now: NOW,
        lossy: false,
        strict_limits: false,
        ignore_unknown_prompts: false,
        commit_users: COMMIT_USERS,
    }
}

fn all(
    po: &TestPo,
    rows: &mut dyn Iterator<Item = RowResult>,
    options: FillOptions,
) -> Result<(Filled, u32), PoError> {
    let mut done = Filled::default();
    let mut commits = 0;
    while po.edit(|edit| fill(edit, rows, options, &mut done))? {
        commits += 1;
    }
    Ok((done, commits + 1))
}

fn csv(po: &TestPo, text: &str, options: FillOptions) -> Result<(Filled, u32), PoError> {
    all(po, &mut CsvRows::new(text.as_bytes()).unwrap(), options)
}

const LIST: &str = "mailbox,name,dirsync\n\
    able,able is he who knows his limit,yes\n\
    ,Zoë Größe,\n\
    ,Zacharias Grosse,\n\
    paul.walker,\"Walker, Paul\",no\n\
    x,  A   name that is longer than thirty characters ,\n\
    dup,ZOË GRÖßE,\n\
    able,Another Able,\n\
    bad,Bad,maybe\n\
    \n\
    none,,\n\
    cyr,Иван,\n\
    a,b,c,d\n";

#[test]
fn rows_become_users_and_every_change_is_noted() {
    let po = TestPo::new("NET", "PO");
    let (done, commits) = csv(&po, LIST, options()).unwrap();
    assert_eq!((done.rows, done.added, commits), (11, 6, 1));
    let changed: Vec<_> = done
        .changed
        .iter()
        .map(|change| {
            format!(
                "{} {} {:?} -> {}",
                change.line, change.what, change.from, change.to
            )
        })
        .collect();
    assert_eq!(
        changed,
        [
            "3 mailbox \"\" -> zgrose",
            "4 mailbox \"\" -> zgrosse",
            "5 mailbox \"paul.walker\" -> paulwalker",
            "6 name \"A   name that is longer than thirty characters\" -> A name that is longer than thi",
            "8 mailbox \"able\" -> able2",
        ]
    );
    let left: Vec<_> = done
        .left_out
        .iter()
        .map(|row| (row.line, row.number))
        .collect();
    assert_eq!(
        left,
        [
            (7, Some(58)),
            (9, None),
            (11, Some(46)),
            (12, None),
            (13, None)
        ]
    );
    assert_eq!(po.waiting().len(), 5);
    po.assert_clean();
    // The same file again adds nobody.
    let before = po.snapshot();
    let (again, _) = csv(&po, LIST, options()).unwrap();
    assert_eq!(again.added, 0);
    assert_eq!(po.snapshot(), before);
}

// rule: imp:R-ID-002
// rule: pof:R-TID-002
#[test]
fn many_users_at_once_get_tuple_ids_of_their_own() {
    let po = TestPo::new("NET", "PO");
    let rows: String = (0..30).map(|n| format!("u{n},User {n}\n")).collect();
    csv(&po, &format!("mailbox,name\n{rows}"), options()).unwrap();
    let mut ids = po.read(|lists| {
        let entries = lists.pol_entries();
        entries.map(|entry| entry.tid.get()).collect::<Vec<_>>()
    });
    assert_eq!(ids.len(), 31);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 31);
    assert_ne!(ids[0], 0);
}

#[test]
fn a_long_file_takes_several_commits_and_no_more_than_needed() {
    let po = TestPo::new("NET", "PO");
    let text: String = std::iter::once("name\n".to_owned())
        .chain((0..25).map(|n| format!("User Number{n}\n")))
        .collect();
    let ten = FillOptions {
        commit_users: 10,
        ..options()
    };
    let (done, commits) = csv(&po, &text, ten).unwrap();
    assert_eq!((done.added, commits), (25, 3));
    assert_eq!(po.read(|lists| lists.user_count()), 26);
    po.assert_clean();
}

#[test]
fn template_columns_must_be_prompts_but_ldif_may_have_others() {
    let po = TestPo::new("NET", "PO");
    po.put("TPL/ADMIN.TPL", b"Title:~9~10~A~~\r\nPhone:~9~10~A~~\r\n");
    let text = "name,title,PHONE:\nAnn,Boss,12\nBob,\"a title that is too long\",\n";
    let (done, _) = csv(&po, text, options()).unwrap();
    assert_eq!((done.added, done.left_out.len()), (1, 1));
    assert_eq!(
        po.read(|lists| lists.show_user(b"ann").unwrap().info),
        [
            ("Title".to_owned(), "Boss".to_owned()),
            ("Phone".to_owned(), "12".to_owned())
        ]
    );
    assert!(
        csv(&po, "name,colour\nX,red\n", options())
            .unwrap_err()
            .is_usage()
    );
    let ldif = "dn: cn=Cat\ncn: Cat\nmail: cat.stevens@x\ntitle: Singer\ncolour: black\n";
    let mut rows = LdifRows::new(ldif.as_bytes());
    let open = FillOptions {
        ignore_unknown_prompts: true,
        ..options()
    };
    let (done, _) = all(&po, &mut rows, open).unwrap();
    assert_eq!(done.added, 1);
    assert_eq!(done.ignored.iter().collect::<Vec<_>>(), ["colour"]);
    assert_eq!(
        po.read(|lists| lists.show_user(b"catstevens").unwrap().info[0].1.clone()),
        "Singer"
    );
    po.assert_clean();
}

#[test]
fn headers_and_encodings_that_make_no_sense_are_refused() {
    for text in ["", "mailbox\nx\n", "name,name\n", "name,Title,Title\n"] {
        assert!(CsvRows::new(text.as_bytes()).is_err(), "{text:?}");
    }
    let po = TestPo::new("NET", "PO");
    let bytes: &[u8] = b"\xEF\xBB\xBFname\nAnn\n\xFF\xFE\nBob\n";
    let (done, _) = all(&po, &mut CsvRows::new(bytes).unwrap(), options()).unwrap();
    assert_eq!((done.added, done.left_out.len()), (2, 1));
    let lossy = FillOptions {
        lossy: true,
        ..options()
    };
    let (done, _) = csv(&po, "mailbox,name\nivan,Иван Z\n", lossy).unwrap();
    assert_eq!(done.changed[0].to, "???? Z");
}

// rule: tra:R-ADM-066
#[test]
fn strict_limits_leave_out_who_is_too_many() {
    let po = TestPo::new("NET", "PO");
    let text: String = std::iter::once("name\n".to_owned())
        .chain((0..501).map(|n| format!("User Number{n}\n")))
        .collect();
    let strict = FillOptions {
        strict_limits: true,
        ..options()
    };
    let (done, _) = csv(&po, &text, strict).unwrap();
    assert_eq!((done.added, done.left_out.len()), (499, 2));
    assert_eq!(done.left_out[0].number, Some(20));
}
