//! The vendor's texts, templates, modem scripts and help of a fresh postoffice.
//!
//! Version 3.5 with the LAN Manager option, name and length in bytes (Q135868). This project does
//! not make these files; a checker knows them to be absent by design, and a length identifies the
//! version of a postoffice that has them. All lengths are DOCUMENTED.

/// Path below the tree's root and length in bytes, in the printed order.
pub const VENDOR_FILES: &[(&str, u64)] = &[
    ("GLB/DS_MSG.GLB", 32_512),
    ("GLB/TRANSFIL.GLB", 1603),
    ("GLB/WELCOME.GLB", 609),
    ("GLB/BUSY.MDM", 1466),
    ("GLB/CREDCARD.MDM", 7730),
    ("GLB/DEFAULT.MDM", 6224),
    ("GLB/HAYES12.MDM", 6048),
    ("GLB/HAYES24.MDM", 6189),
    ("GLB/IBM5853.MDM", 9333),
    ("GLB/MICROCOM.MDM", 7628),
    ("GLB/MULTITEC.MDM", 8125),
    ("GLB/NULLMODM.MDM", 3767),
    ("GLB/TELEBIT.MDM", 7327),
    ("GLB/ULTRA96.MDM", 7657),
    ("GLB/USGNERIC.MDM", 8795),
    ("GLB/USRHST.MDM", 8717),
    ("GLB/V42SERIE.MDM", 7525),
    ("GLB/VSERIES.MDM", 7252),
    ("GLB/X25.MDM", 14_516),
    ("GLB/BUSY.SCR", 297),
    ("GLB/DEFAULT.SCR", 2059),
    ("GLB/HAYES12.SCR", 1939),
    ("GLB/HAYES24.SCR", 1990),
    ("GLB/IBM5853.SCR", 2909),
    ("GLB/MICROCOM.SCR", 2988),
    ("GLB/MULTITEC.SCR", 2969),
    ("GLB/NULLMODM.SCR", 667),
    ("GLB/TELEBIT.SCR", 2513),
    ("GLB/ULTRA96.SCR", 2737),
    ("GLB/USGNERIC.SCR", 2044),
    ("GLB/USRHST.SCR", 3323),
    ("GLB/V42SERIE.SCR", 2827),
    ("GLB/VSERIES.SCR", 2567),
    ("GLB/X25.SCR", 3105),
    ("GLB/ERRORADM.GLB", 22_272),
    ("GLB/ERRORDYN.GLB", 1920),
    ("GLB/ENGMAI.GLB", 18_304),
    ("GLB/ENGMON.GLB", 4096),
    ("HLP/ADMIN.HLP", 163_546),
    ("HLP/AFAX.HLP", 12_487),
    ("HLP/AMCI.HLP", 17_764),
    ("HLP/AMHS.HLP", 6808),
    ("HLP/AMSM.HLP", 5526),
    ("HLP/AOV.HLP", 21_671),
    ("HLP/APROFS.HLP", 18_055),
    ("HLP/AREM.HLP", 31_473),
    ("HLP/ASMTP.HLP", 9442),
    ("HLP/ASNADS.HLP", 24_005),
    ("HLP/AX400.HLP", 17_150),
    ("HLP/DYNADMIN.HLP", 16_302),
    ("HLP/ENGMAI.HLP", 185_807),
    ("HLP/ENGMON.HLP", 30_143),
    ("HLP/ENGOPE.HLP", 10_839),
    ("HLP/ENGDIS.HLP", 14_392),
    ("TPL/ALIAS.TPL", 23),
    ("TPL/COUREXT.TPL", 131),
    ("TPL/COURIER.TPL", 148),
    ("TPL/COUR_ALI.TPL", 50),
    ("TPL/COUR_EX.TPL", 24),
    ("TPL/EXAMPLE.TPL", 451),
    ("TPL/FAX.TPL", 93),
    ("TPL/FAXATT.TPL", 126),
    ("TPL/FAXCOV.TPL", 1037),
    ("TPL/FAXSTD.TPL", 53),
    ("TPL/MCIABT.TPL", 102),
    ("TPL/MCIFAX.TPL", 230),
    ("TPL/MCIPAP.TPL", 308),
    ("TPL/MCIREM.TPL", 210),
    ("TPL/MCISTD.TPL", 53),
    ("TPL/MCITEL.TPL", 171),
    ("TPL/MCIUSE.TPL", 77),
    ("TPL/MHS.TPL", 28),
    ("TPL/MHSABT.TPL", 102),
    ("TPL/MHSSTD.TPL", 53),
    ("TPL/MSMAIL.TPL", 53),
    ("TPL/MSMAILAB.TPL", 103),
    ("TPL/MSMAILST.TPL", 57),
    ("TPL/NETCOUR.TPL", 72),
    ("TPL/OV.TPL", 46),
    ("TPL/OV_AI.TPL", 136),
    ("TPL/OV_ALI.TPL", 75),
    ("TPL/OV_EX.TPL", 118),
    ("TPL/PROFS.TPL", 46),
    ("TPL/PROFS_AI.TPL", 138),
    ("TPL/PROFS_EX.TPL", 120),
    ("TPL/PROF_ALI.TPL", 75),
    ("TPL/SMTP.TPL", 29),
    ("TPL/SMTPABT.TPL", 112),
    ("TPL/SMTPCFG.TPL", 144),
    ("TPL/SMTPSTD.TPL", 54),
    ("TPL/SNADS.TPL", 80),
    ("TPL/SNADS_AI.TPL", 172),
    ("TPL/SNADS_EX.TPL", 154),
    ("TPL/SNAD_ALI.TPL", 106),
    ("TPL/X400STD.TPL", 55),
    ("TPL/X400_1.TPL", 112),
    ("TPL/X400_2.TPL", 511),
    ("TPL/X400_3.TPL", 28),
    ("TPL/X400_4.TPL", 114),
    ("TPL/X400_5.TPL", 141),
    ("TPL/X400_6.TPL", 38),
    ("TPL/X400_7.TPL", 168),
];

/// Whether `path` (names separated by `/`, letters A-Z in either case) is a file of the vendor
/// that our postoffices lack by design.
#[must_use]
pub fn is_absent_by_design(path: &str) -> bool {
    VENDOR_FILES
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case(path))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    // rule: pof:R-DIR-007
    #[test]
    fn template_sizes_are_the_published_ones() {
        let table = include_str!("../../../../fixtures/sizes/template-sizes.tsv");
        let ours: BTreeMap<_, _> = VENDOR_FILES.iter().copied().collect();
        let mut count = 0;
        for line in table.lines().skip(1) {
            let (name, len) = line.split_once('\t').unwrap();
            let path = format!("TPL/{name}");
            assert_eq!(ours.get(path.as_str()), len.parse().ok().as_ref(), "{line}");
            assert!(is_absent_by_design(&path.to_lowercase()));
            count += 1;
        }
        let templates = VENDOR_FILES
            .iter()
            .filter(|(name, _)| name.starts_with("TPL/"));
        assert_eq!(templates.count(), count);
        assert!(!is_absent_by_design("TPL/ADMIN.TPL"));
    }
}
