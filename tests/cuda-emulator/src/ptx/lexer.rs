//! A PTX text as tokens.

use super::SyntaxError;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A name, a directive, an opcode or a number: letters, digits, `_`, `.`, `$`, `%`.
    Word(String),
    Text(String),
    Mark(char),
}

/// The tokens, each with its line; comments are left out.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, u32)>, SyntaxError> {
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    let mut line = 1;
    while let Some(c) = chars.next() {
        match c {
            '\n' => line += 1,
            _ if c.is_whitespace() => {}
            '/' if chars.peek() == Some(&'/') => while chars.next_if(|&c| c != '\n').is_some() {},
            '/' if chars.peek() == Some(&'*') => {
                let mut before = ' ';
                for c in chars.by_ref() {
                    line += u32::from(c == '\n');
                    if before == '*' && c == '/' {
                        break;
                    }
                    before = c;
                }
            }
            '"' => {
                let mut text = String::new();
                while let Some(c) = chars.next_if(|&c| c != '"') {
                    text.push(c);
                }
                chars.next();
                found.push((Token::Text(text), line));
            }
            _ if is_of_word(c) => {
                let mut word = String::from(c);
                // `.reg.b32` are two directives, `add.s32` is one opcode
                let ends = |next: char| c == '.' && next == '.';
                loop {
                    if let Some(c) = chars.next_if(|&c| is_of_word(c) && !ends(c)) {
                        word.push(c);
                    } else if chars.clone().take(2).eq("::".chars()) {
                        // `ld.shared::cta.u32`
                        word.push_str("::");
                        chars.nth(1);
                    } else {
                        break;
                    }
                }
                found.push((Token::Word(word), line));
            }
            '{' | '}' | '[' | ']' | '(' | ')' | '<' | '>' | ',' | ';' | ':' | '=' | '+' | '-'
            | '@' | '!' | '|' => found.push((Token::Mark(c), line)),
            _ => {
                let message = format!("expected PTX, found the character {c:?}");
                return Err(SyntaxError { line, message });
            }
        }
    }
    Ok(found)
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$' | '%')
}
