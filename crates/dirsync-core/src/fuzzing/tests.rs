//! The committed corpus, replayed through the functions the fuzzer runs.

use super::TARGETS;

macro_rules! corpus {
    ($($target:literal: [$($file:literal),* $(,)?]),* $(,)?) => {
        &[$(($target, &[$(($file, include_bytes!(concat!(
            "../../fuzz/corpus/", $target, "/", $file
        )))),*])),*]
    };
}

type Corpus = &'static [(&'static str, &'static [(&'static str, &'static [u8])])];

const CORPUS: Corpus = corpus! {
    "fixed_records": ["grp", "key-empty", "netpo", "network", "q108027-dump", "q108027-mbg"],
    "mailbag": ["append-delete-compress", "torn-pair"],
    "fips98": ["fips98-ascii-string", "fips98-bit-string-44", "fips98-boolean-true", "fips98-compressed", "fips98-date-19800815", "fips98-encrypted", "fips98-end-of-constructor", "fips98-field-text", "fips98-integer-4294967296", "fips98-message", "fips98-no-op", "fips98-padding-3", "fips98-property-list", "fips98-sequence", "fips98-set", "fips98-unique-id-129", "fips98-vendor-field", "indefinite", "q104423"],
    "mai_p1": ["envelope", "q104423", "tv-dec-2"],
    "transactions": ["damaged", "dummy-49", "dummy-60", "header-text", "resync", "three"],
    "compressed": ["empty", "text", "understated"],
    "evt": ["two-records", "empty"],
    "template_inf": ["admin-inf", "q103815-name", "q104281-profs", "q105124-admin", "q127078-a", "q127078-b", "q130752-alias", "q152956-spanish-new", "q152956-spanish-old", "q175482-admin", "rule-four-tildes", "rule-lower-case"],
    "bodies": ["importrep", "q106623", "q118298", "reqtx", "resync", "srvtx", "status"],
    "mta": ["message", "object-data", "object-queue", "object-reference", "object-super-queue", "report"],
    "base_text": ["add", "date", "hexid", "layout", "modify", "not-hex", "resync-header", "template", "x400"],
    "import_text": ["q104281-combined", "q117198-snads-modify", "q118447-snads-aligned", "q132681-export", "q159294-extra-cr-raw", "q159308-leopard-lion", "rule-12-column-1", "types", "utf8", "modify-to-another-class"],
    "mmff": ["q103801", "q147034", "two-cr", "pcm", "odd-attachment-name", "network-with-colon", "long-fax"],
};

// Bad input never panics and never loops (design, section 4).
#[test]
fn the_committed_corpus_breaks_no_property() {
    let names: Vec<_> = CORPUS.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        TARGETS.iter().map(|target| target.name).collect::<Vec<_>>()
    );
    for ((_, files), target) in CORPUS.iter().zip(TARGETS) {
        assert!(!files.is_empty());
        for (_, bytes) in *files {
            (target.run)(bytes);
            // Cut off anywhere, and with each byte changed, nothing may panic either.
            for at in 0..bytes.len().min(700) {
                (target.run)(&bytes[..at]);
                let mut changed = bytes.to_vec();
                changed[at] ^= 0x81;
                (target.run)(&changed);
            }
        }
    }
}
