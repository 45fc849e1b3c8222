//! `impasto check`: is this build right on this machine?

use serde::Serialize;

use crate::Result;
use crate::diagnose::check::{Finding, check};
use crate::kernels::simd::Isa;
use crate::run::threads;

use super::args::CheckArgs;
use super::values::SizeValue;
use super::{Ending, options, output};

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    passed: bool,
    checks: Vec<Line>,
    /// Instruction sets that this processor lacks.
    skipped: Vec<String>,
}

/// One comparison.
#[derive(Serialize)]
struct Line {
    check: String,
    relative_error: f64,
    accepted: f64,
    passed: bool,
}

/// Prints every comparison; the exit status says whether all are within their bars.
pub(super) fn run(args: &CheckArgs) -> Result<Ending> {
    let size = match args.size {
        SizeValue::Longer(side) => (side, side),
        SizeValue::Exact(width, height) => (width, height),
    };
    if size.0.max(size.1) > 256 {
        let message = "the check runs in f64 many times over; give sides of at most 256 pixels";
        return options::refuse("size", message);
    }
    let network = options::network(args.weights.as_deref())?;
    let findings = threads::pool(args.threads)?.install(|| check(&network, size, args.seed))?;
    let missing = Isa::ALL.into_iter().filter(|(_, isa)| !isa.available());
    let skipped: Vec<String> = missing.map(|(name, _)| name.to_owned()).collect();
    let passed = findings.iter().all(Finding::passed);
    if args.json {
        let line = |finding: &Finding| Line {
            check: finding.what.clone(),
            relative_error: finding.error,
            accepted: finding.bar,
            passed: finding.passed(),
        };
        output::json(&Report { passed, checks: findings.iter().map(line).collect(), skipped })?;
    } else {
        for finding in &findings {
            let verdict = if finding.passed() { "ok" } else { "BAD" };
            output::result(&format!("{verdict:<4} {:>9.2e}  {}", finding.error, finding.what))?;
        }
        for isa in &skipped {
            output::result(&format!("skip            {isa}, which this processor lacks"))?;
        }
        output::result(if passed {
            "every gradient and decision is within its bar"
        } else {
            "a gradient or decision is beyond its bar: do not trust this build on this machine"
        })?;
    }
    Ok(if passed { Ending::Done } else { Ending::Bad })
}
