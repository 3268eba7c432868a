//! One benchmark: two sides that take turns, and what came out.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

/// What one run took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// From start to end, seconds.
    pub(crate) wall_s: f64,
    /// User and system time, seconds.
    pub(crate) cpu_s: f64,
    /// Greatest resident set of the largest process, bytes.
    pub(crate) peak_bytes: u64,
}

/// Something done before a run, outside the measured time.
type Before = Box<dyn Fn() -> anyhow::Result<()>>;

/// One side: what is done before each run, unmeasured, and the command that is measured.
pub(crate) struct Side {
    pub(crate) before: Before,
    pub(crate) command: Vec<OsString>,
    /// How it is shown.
    pub(crate) shown: String,
}

/// What a benchmark made ready.
pub(crate) struct Prepared {
    pub(crate) ours: Side,
    /// What it is compared with, or why it cannot be.
    pub(crate) anchor: Result<Side, String>,
    /// Run once after the last pair: whether our side did what it should have done.
    pub(crate) check: Before,
}

/// The runs of one side.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Runs {
    pub(crate) command: String,
    pub(crate) runs: Vec<Usage>,
}

/// The figures that are shown.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Figures {
    pub(crate) wall_s: Spread,
    pub(crate) cpu_s: Spread,
    pub(crate) peak_bytes: u64,
}

/// Median, least and greatest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// A benchmark that was run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    pub(crate) ours: Runs,
    pub(crate) ours_figures: Figures,
    pub(crate) anchor: Option<Runs>,
    pub(crate) anchor_figures: Option<Figures>,
    /// Why there is no anchor.
    pub(crate) skipped: Option<String>,
    /// Median of the ratios of the pairs, ours to anchor.
    pub(crate) wall_ratio: Option<f64>,
    pub(crate) cpu_ratio: Option<f64>,
    /// The most that is allowed.
    pub(crate) ratio_limit: f64,
    pub(crate) peak_limit_bytes: u64,
}

impl Outcome {
    /// Whether ratio and memory are inside their limits.
    pub(crate) fn holds(&self) -> bool {
        self.wall_ratio
            .is_none_or(|ratio| ratio <= self.ratio_limit)
            && self.ours_figures.peak_bytes <= self.peak_limit_bytes
    }
}

/// Median, least and greatest of at least one value.
pub(crate) fn spread(values: &[f64]) -> Spread {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    let last = sorted.len().saturating_sub(1);
    Spread {
        // Of an even number of values the mean of the middle two.
        median: f64::midpoint(at(last / 2), at(last.div_ceil(2))),
        min: at(0),
        max: at(last),
    }
}

fn figures(runs: &[Usage]) -> Figures {
    let of = |value: fn(&Usage) -> f64| spread(&runs.iter().map(value).collect::<Vec<_>>());
    Figures {
        wall_s: of(|run| run.wall_s),
        cpu_s: of(|run| run.cpu_s),
        peak_bytes: runs.iter().map(|run| run.peak_bytes).max().unwrap_or(0),
    }
}

/// Runs a side once.
fn once(side: &Side, scratch: &Path) -> anyhow::Result<Usage> {
    (side.before)()?;
    let out = scratch.join("usage.json");
    let output = Command::new(std::env::current_exe()?)
        .args(["bench-child", "--out"])
        .arg(&out)
        .arg("--")
        .args(&side.command)
        .output()
        .context("the program cannot be measured")?;
    ensure!(
        output.status.success(),
        "{}: {}",
        side.shown,
        String::from_utf8_lossy(&output.stderr).trim_end()
    );
    Ok(serde_json::from_slice(&std::fs::read(&out)?)?)
}

/// Runs the pairs; who begins alternates, so that what changes on the machine meets both.
pub(crate) fn pairs(
    name: &'static str,
    prepared: &Prepared,
    count: u32,
    limits: (f64, u64),
    scratch: &Path,
) -> anyhow::Result<Outcome> {
    let mut ours = Vec::new();
    let mut anchors = Vec::new();
    for pair in 0..count {
        let anchor = prepared.anchor.as_ref().ok();
        if let Some(side) = anchor.filter(|_| pair % 2 == 1) {
            anchors.push(once(side, scratch)?);
        }
        ours.push(once(&prepared.ours, scratch)?);
        if let Some(side) = anchor.filter(|_| pair % 2 == 0) {
            anchors.push(once(side, scratch)?);
        }
    }
    (prepared.check)().with_context(|| format!("{name}: the result is wrong"))?;
    let ratio = |value: fn(&Usage) -> f64| {
        let ratios: Vec<f64> = ours
            .iter()
            .zip(&anchors)
            .map(|(ours, anchor)| value(ours) / value(anchor))
            .collect();
        (!ratios.is_empty()).then(|| spread(&ratios).median)
    };
    Ok(Outcome {
        name,
        ours_figures: figures(&ours),
        anchor_figures: (!anchors.is_empty()).then(|| figures(&anchors)),
        wall_ratio: ratio(|run| run.wall_s),
        cpu_ratio: ratio(|run| run.cpu_s),
        skipped: prepared.anchor.as_ref().err().cloned(),
        anchor: prepared.anchor.as_ref().ok().map(|side| Runs {
            command: side.shown.clone(),
            runs: anchors,
        }),
        ours: Runs {
            command: prepared.ours.shown.clone(),
            runs: ours,
        },
        ratio_limit: limits.0,
        peak_limit_bytes: limits.1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_odd_and_even_numbers_of_values() {
        let of = |values: &[f64]| {
            let spread = spread(values);
            (spread.min, spread.median, spread.max)
        };
        assert_eq!(of(&[3.0, 1.0, 2.0]), (1.0, 2.0, 3.0));
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]), (1.0, 2.5, 4.0));
        assert_eq!(of(&[7.0]), (7.0, 7.0, 7.0));
    }
}
