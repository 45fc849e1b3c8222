//! `impasto inspect`: what a picture says about its making.

use std::path::Path;

use super::receipt::Receipt;
use super::sheet::Sheet;
use super::{Ending, output};
use crate::error::Result;

/// Prints the receipt of a picture.
pub(super) fn run(file: &Path, json: bool) -> Result<Ending> {
    if let Some(sheet) = Sheet::of(file) {
        if json {
            output::json(&sheet)?;
            return Ok(Ending::Done);
        }
        for cell in &sheet.cells {
            output::result(&format!("{} (at {},{}, loss {:.4e})", cell.label, cell.x, cell.y, cell.loss))?;
            output::result(&format!("  {}", cell.run))?;
        }
        return Ok(Ending::Done);
    }
    let receipt = Receipt::of(file)?;
    if json {
        output::json(&receipt)?;
        return Ok(Ending::Done);
    }
    let line = |what: &str, value: &str| output::result(&format!("{what:<10} {value}"));
    line("made by", &format!("impasto {} {}", receipt.impasto, receipt.command))?;
    for input in &receipt.inputs {
        line(&input.role, &format!("{} (sha256 {})", input.file, input.sha256))?;
    }
    for style in receipt.styles.iter().filter(|style| style.contains(':')) {
        line("style as", style)?;
    }
    line("start", &receipt.init)?;
    let network = &receipt.network;
    let named = network.file.as_deref().unwrap_or("embedded");
    line("network", &format!("{named} ({}, sha256 {})", network.name, network.sha256))?;
    let settings = serde_json::to_value(&receipt.settings).unwrap_or_default();
    for (name, value) in settings.as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        line("setting", &format!("{name} {value}"))?;
    }
    line("computed", &format!("with {}", receipt.isa))?;
    let result = &receipt.result;
    line(
        "result",
        &format!(
            "{}x{}, {} evaluations, loss {:.4e}, ended by {}",
            result.width, result.height, result.evaluations, result.loss, result.stop
        ),
    )?;
    Ok(Ending::Done)
}
