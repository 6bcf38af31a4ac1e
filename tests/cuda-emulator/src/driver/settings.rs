//! What the environment asks of the emulated device: faults that a test plants, and failures.

use std::{env, str::FromStr};

/// Read once, when the device is first used.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `TUPLENET_EMULATOR_DEVICES`: 0 is a machine with a driver, but without a GPU.
    pub devices: i32,
    /// `TUPLENET_EMULATOR_MEMORY`: the bytes that the device has.
    pub memory_bytes: usize,
    /// `TUPLENET_EMULATOR_MULTIPROCESSORS`: how many the device says that it has, by which programs choose their kernels.
    pub multiprocessors: i32,
    /// `TUPLENET_EMULATOR_FAIL=allocation:3`: the third allocation fails.
    pub failing_allocation: Option<u64>,
    /// `TUPLENET_EMULATOR_FAIL=launch:3`: at the third launch the device is lost. A launch of a graph counts as those
    /// of all its kernels, and their capture does not count.
    pub failing_launch: Option<u64>,
    /// `TUPLENET_EMULATOR_FAIL=graph:3`: there is no memory for the third instance of a graph.
    pub failing_graph: Option<u64>,
    /// `TUPLENET_EMULATOR_FAULT=kernel|old|new|2`: a change of the second such text in a kernel.
    pub fault: Option<Fault>,
}

/// A change of a kernel's text.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub kernel: String,
    pub old: String,
    pub new: String,
    /// Which of the places with the old text, from 1.
    pub place: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            devices: 1,
            memory_bytes: 4 << 30,
            multiprocessors: 132,
            failing_allocation: None,
            failing_launch: None,
            failing_graph: None,
            fault: None,
        }
    }
}

/// Kernels of dfdx 0.13 that sum within a block (`chunk_sum`, `chunk_max`, `chunk_min`): their threads wait at a
/// barrier in a loop that ends earlier for some of them.
const WAIT_APART: [&str; 3] = ["_to_fwd_f32", "_bwd_lhs_f32", "_bwd_rhs_f32"];

impl Settings {
    /// Whether the threads of this kernel may wait apart ([`crate::execute::Launch::may_wait_apart`]).
    pub fn may_wait_apart(&self, kernel: &str) -> bool {
        WAIT_APART.iter().any(|end| kernel.ends_with(end))
    }

    /// # Errors
    /// When a variable has another form, in words.
    pub fn from_env() -> Result<Settings, String> {
        let mut settings = Settings::default();
        if let Some(devices) = number("TUPLENET_EMULATOR_DEVICES")? {
            settings.devices = devices;
        }
        if let Some(bytes) = number("TUPLENET_EMULATOR_MEMORY")? {
            settings.memory_bytes = bytes;
        }
        if let Some(multiprocessors) = number("TUPLENET_EMULATOR_MULTIPROCESSORS")? {
            settings.multiprocessors = multiprocessors;
        }
        if let Ok(text) = env::var("TUPLENET_EMULATOR_FAIL") {
            let expected = || {
                format!(
                    "TUPLENET_EMULATOR_FAIL: expected allocation:3, launch:3 or graph:3, found {text}"
                )
            };
            let (what, at) = text.split_once(':').ok_or_else(expected)?;
            let at = Some(at.parse().map_err(|_| expected())?);
            match what {
                "allocation" => settings.failing_allocation = at,
                "launch" => settings.failing_launch = at,
                "graph" => settings.failing_graph = at,
                _ => return Err(expected()),
            }
        }
        if let Ok(text) = env::var("TUPLENET_EMULATOR_FAULT") {
            let fault = Fault::parse(&text);
            let expected =
                || format!("TUPLENET_EMULATOR_FAULT: expected kernel|old|new|1, found {text}");
            settings.fault = Some(fault.ok_or_else(expected)?);
        }
        Ok(settings)
    }

    /// The text of a module with the planted fault, if it has the kernel.
    ///
    /// # Errors
    /// When the kernel does not have the text that is to be changed.
    pub fn planted(&self, module: &str) -> Result<String, String> {
        let Some(fault) = &self.fault else {
            return Ok(module.to_owned());
        };
        let Fault {
            kernel,
            old,
            new,
            place,
        } = fault;
        let Some(start) = module.find(&format!(".entry {kernel}(")) else {
            return Ok(module.to_owned());
        };
        let (before, rest) = module.split_at(start);
        let end = rest.find("\n}").unwrap_or(rest.len());
        let (body, after) = rest.split_at(end);
        let Some((at, _)) = body.match_indices(old.as_str()).nth(place - 1) else {
            return Err(format!(
                "TUPLENET_EMULATOR_FAULT: {kernel} does not have {old} {place} times"
            ));
        };
        let (first, rest) = (&body[..at], &body[at + old.len()..]);
        Ok(format!("{before}{first}{new}{rest}{after}"))
    }
}

impl Fault {
    /// `kernel|old|new|place`.
    fn parse(text: &str) -> Option<Fault> {
        let parts: Vec<&str> = text.split('|').collect();
        let [kernel, old, new, place] = parts[..] else {
            return None;
        };
        Some(Fault {
            kernel: kernel.to_owned(),
            old: old.to_owned(),
            new: new.to_owned(),
            place: place.parse().ok().filter(|place| *place > 0)?,
        })
    }
}

fn number<T: FromStr>(name: &str) -> Result<Option<T>, String> {
    let Ok(text) = env::var(name) else {
        return Ok(None);
    };
    let number = text.parse();
    number
        .map(Some)
        .map_err(|_| format!("{name}: expected a number, found {text}"))
}

#[cfg(test)]
mod tests {
    use super::{Fault, Settings};

    #[test]
    fn a_fault_is_planted_in_its_kernel_alone() {
        let module = ".entry a(\n)\n{\nadd x;\nadd y;\n}\n.entry ab(\n)\n{\nadd z;\n}\n";
        let planted = |fault: &str| {
            let fault = Some(Fault::parse(fault).unwrap());
            let settings = Settings {
                fault,
                ..Settings::default()
            };
            settings.planted(module)
        };
        let changed = |old: &str, new: &str| Ok(module.replace(old, new));
        assert_eq!(planted("ab|add|sub|1"), changed("add z", "sub z"));
        assert_eq!(planted("a|add|sub|1"), changed("add x", "sub x"));
        assert_eq!(planted("a|add|sub|2"), changed("add y", "sub y"));
        assert_eq!(planted("c|add|sub|1"), changed("", ""));
        assert!(planted("a|mul|sub|1").is_err());
        assert!(planted("a|add|sub|3").is_err());
        for wrong in ["a|b|c", "a|b|c|0", "a|b|c|d", "a|b|c|1|2"] {
            assert_eq!(Fault::parse(wrong), None);
        }
    }
}
