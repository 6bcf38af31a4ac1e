//! The tables, in Markdown.

mod measured;
mod predicted;

use crate::{measured::Measured, model::Model};

pub fn all(rows: &Measured, model: &Model) -> String {
    let tables = [
        measured::overhead(rows),
        measured::ranks(rows),
        measured::fit(rows, model),
        measured::hosts(rows, model),
        predicted::strong(model),
        predicted::waiting(model),
        predicted::against_others(model),
        predicted::variants(model),
        predicted::weak(model),
    ];
    tables.join("\n")
}

/// A title, the header and the rows.
fn table(title: &str, header: &[String], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule: Vec<String> = header.iter().map(|_| "---".to_owned()).collect();
    let rows: String = rows.map(|row| line(&row)).collect();
    format!("**{title}**\n\n{}{}{rows}", line(header), line(&rule))
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}
