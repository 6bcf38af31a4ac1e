//! The whole text of a compile error, without what depends on the machine or on lines of other files.

use std::path::MAIN_SEPARATOR;

use crate::root;

/// The messages of one program, `fail/NAME.rs`, as `NAME.stderr` has them.
///
/// Paths are relative to the crate's folder, or to the standard library's as `$RUST`. Only the program's own lines are
/// numbered, and the margin is as wide as their longest number.
pub fn of(name: &str, messages: &[String]) -> String {
    let program = format!("tests/ui/fail/{name}.rs:");
    let texts = messages.iter().map(|message| one(&program, message));
    texts.collect::<Vec<_>>().join("\n")
}

fn one(program: &str, message: &str) -> String {
    let margin = message.lines().find_map(|line| line.find("--> "));
    let margin = margin.expect("the message says where");
    let mut is_program = true;
    let mut is_indented = false;
    // Each line as what stands in the margin, if it has one, and the rest.
    let mut lines = Vec::new();
    for line in message.trim_end().lines() {
        let number = line.get(..margin).map(str::trim);
        let number = number.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
        let rest = number.map_or(line, |_| &line[margin..]);
        let place = ["--> ", "::: "].into_iter();
        let place = place.filter_map(|arrow| Some((arrow, rest.strip_prefix(arrow)?)));
        if let Some((arrow, path)) = { place }.next() {
            let path = relative(path);
            is_program = path.starts_with(program);
            let path = match is_program {
                true => path.as_str(),
                false => path.trim_end_matches(|c: char| c == ':' || c.is_ascii_digit()),
            };
            lines.push((Some(""), format!("{arrow}{path}")));
        } else if rest.starts_with(" |") || rest.starts_with(" = ") {
            let number = if is_program { number } else { Some("") };
            lines.push((number, rest.to_owned()));
        } else {
            // A heading, or a further line of a heading or of what is indented by the margin.
            is_indented &= number.is_some();
            let line = if is_indented { rest } else { line };
            lines.push((number.filter(|_| is_indented), line.to_owned()));
            continue;
        }
        is_indented = true;
    }
    let longest = lines
        .iter()
        .filter_map(|(number, _)| number.map(str::len))
        .max();
    let width = longest.unwrap_or(0).max(1);
    let mut text = String::new();
    for (number, rest) in lines {
        let line = match number {
            Some(number) => format!("{number:>width$}{rest}"),
            None => rest,
        };
        text += line.trim_end();
        text += "\n";
    }
    text
}

/// The path from the crate's folder, or from the standard library's.
fn relative(path: &str) -> String {
    let root = root().to_string_lossy();
    let path = match (path.strip_prefix(&*root), path.split_once("/library/")) {
        (Some(path), _) => path[1..].to_owned(),
        (None, Some((_, path))) => format!("$RUST/{path}"),
        (None, None) => path.to_owned(),
    };
    path.replace(MAIN_SEPARATOR, "/")
}
