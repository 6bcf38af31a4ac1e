//! [`Path`]: a step's name among the modules of a network, as in PyTorch.

use core::fmt;

use crate::text::Text;

/// The maximum number of branches within branches.
const MAX_DEPTH: usize = 4;

/// The maximum length of a path: five numbers below [`Plan::CAPACITY`](super::Plan::CAPACITY), four branches, and room
/// for the mark of a text that is too long.
pub(crate) const MAX_PATH_BYTES: usize = 5 * 3 + 4 * "..branches.0".len() + 3;

/// A step's name among the modules of a network: its number in `torch.nn.Sequential`, as in `3`; within a branch, that of
/// the branch and its number there, as in `3.body.0` or `3.branches.1.0`.
///
/// ```
/// use tuplenet::prelude::*;
///
/// type Net = (Linear<4, 4>, Residual<(Linear<4, 4>, Tanh)>, Linear<4, 2>);
/// let names: Vec<_> = Net::PLAN.steps().iter().map(|step| step.path.to_string()).collect();
/// assert_eq!(names, ["0", "1.body.0", "1.body.1", "1", "2"]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Path {
    /// The outermost first; the last one is in no branch.
    parts: [Part; MAX_DEPTH + 1],
    len: u8,
}

/// A module's number in a sequence, and the branch of it that leads to the step.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Part {
    module: u8,
    branch: Branch,
}

/// A branch of a module.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Branch {
    None,
    Body,
    Shortcut,
    /// One of those of a concatenation.
    Numbered(u8),
}

impl Branch {
    /// `text` followed by its name.
    const fn after<const N: usize>(self, text: Text<N>) -> Text<N> {
        match self {
            Branch::None => text,
            Branch::Body => text.then("body"),
            Branch::Shortcut => text.then("shortcut"),
            Branch::Numbered(index) => text.then("branches.").then_number(index as usize),
        }
    }
}

impl Path {
    /// The first module of a sequence.
    pub(super) const FIRST: Path = Path {
        parts: [Part {
            module: 0,
            branch: Branch::None,
        }; MAX_DEPTH + 1],
        len: 1,
    };

    /// The path after that many more modules.
    pub(super) const fn after(mut self, modules: usize) -> Path {
        // at most `Plan::CAPACITY`
        self.parts[0].module += modules as u8;
        self
    }

    /// The path within a branch of the first module.
    ///
    /// # Panics
    /// At compile time, when there are more than 4 branches within branches.
    pub(super) const fn within(self, branch: Branch) -> Path {
        assert!(
            self.len as usize <= MAX_DEPTH,
            "a network may have at most 4 branches within branches"
        );
        let mut path = Path::FIRST;
        path.parts[0].branch = branch;
        let mut i = 0;
        while i < self.len as usize {
            path.parts[i + 1] = self.parts[i];
            i += 1;
        }
        path.len = self.len + 1;
        path
    }

    /// The name, as in `3.body.0`.
    pub(crate) const fn text<const N: usize>(&self) -> Text<N> {
        let mut text = Text::new().then_number(self.parts[0].module as usize);
        let mut i = 1;
        while i < self.len as usize {
            let branch = self.parts[i - 1].branch;
            text = branch
                .after(text.then("."))
                .then(".")
                .then_number(self.parts[i].module as usize);
            i += 1;
        }
        text
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text::<MAX_PATH_BYTES>().as_str())
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
