//! The names that a function's body declares, in nested scopes.

use std::collections::HashMap;

use super::{Base, Register};

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Name {
    Register(Register),
    /// `%r<5>`: `%r0` to `%r4`, from this register on.
    Registers(Register, usize),
    Variable(Base),
}

/// The innermost scope is the last.
#[derive(Default)]
pub(super) struct Scopes(Vec<HashMap<String, Name>>);

impl Scopes {
    pub(super) fn enter(&mut self) {
        self.0.push(HashMap::new());
    }

    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    pub(super) fn declare(&mut self, name: String, value: Name) {
        if self.0.is_empty() {
            self.enter();
        }
        if let Some(scope) = self.0.last_mut() {
            scope.insert(name, value);
        }
    }

    pub(super) fn register(&self, name: &str) -> Option<Register> {
        let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (prefix, number) = name.split_at(name.len() - digits);
        self.0.iter().rev().find_map(|scope| {
            if let Some(Name::Register(register)) = scope.get(name) {
                return Some(*register);
            }
            match (scope.get(prefix)?, number.parse::<usize>()) {
                (Name::Registers(first, count), Ok(number)) if number < *count => {
                    Some(first + number)
                }
                _ => None,
            }
        })
    }

    pub(super) fn variable(&self, name: &str) -> Option<Base> {
        let scopes = self.0.iter().rev();
        scopes
            .filter_map(|scope| scope.get(name))
            .find_map(|name| match name {
                Name::Variable(base) => Some(*base),
                _ => None,
            })
    }
}
