//! What a checkpoint belongs to: a training goes on only where all that decides its result is the same.

use serde::Serialize;
use serde_json::Value;

use crate::{
    network::Network,
    objective::Schedule,
    plan::{Op, Plan},
    train::settings::Settings,
};

/// What decides a training's result.
#[derive(Clone, Debug, Serialize)]
pub(in crate::train) struct Identity {
    network: String,
    /// The engine's name. Threads do not matter; the processor's SIMD does, to the last bit.
    engine: &'static str,
    /// The data's fingerprint.
    data: String,
    /// The SHA-256 of the validation set, where there is one.
    validation_set: Option<String>,
    #[serde(flatten)]
    settings: Settings,
}

impl Identity {
    pub(in crate::train) fn new<N: Network>(
        engine: &'static str,
        data: String,
        validation_set: Option<String>,
        settings: Settings,
    ) -> Self {
        Identity {
            network: in_words(&N::PLAN),
            engine,
            data,
            validation_set,
            settings,
        }
    }

    /// As JSON, without what a training may go on with otherwise: more epochs at a constant learning rate.
    pub(super) fn fixed(&self) -> Value {
        let mut value = serde_json::json!(self);
        let is_constant = self.settings.schedule == Schedule::CONSTANT;
        if let Some(fields) = value.as_object_mut().filter(|_| is_constant) {
            fields.remove("epochs");
        }
        value
    }
}

/// As in `Linear<784, 500>, ReLU, Linear<500, 10>`.
fn in_words(plan: &Plan) -> String {
    let layers = plan.steps().iter().map(|step| match step.op {
        Op::Linear => format!("Linear<{}, {}>", step.inputs, step.outputs),
        Op::LeakyRelu { slope_percent } => format!("LeakyReLU<{slope_percent}>"),
        Op::Dropout { percent } => format!("Dropout<{percent}>"),
        op => op.name().to_owned(),
    });
    layers.collect::<Vec<_>>().join(", ")
}

/// The first place where two JSON values differ, with both values there.
pub(super) fn difference(a: &Value, b: &Value) -> Option<(String, String, String)> {
    if a == b {
        return None;
    }
    // fields that both have; those of another optimiser or schedule are told as a whole
    if let (Value::Object(a), Value::Object(b)) = (a, b) {
        let inner = a.iter().find_map(|(name, value)| {
            let (path, a, b) = difference(value, b.get(name)?)?;
            let dot = if path.is_empty() { "" } else { "." };
            Some((format!("{name}{dot}{path}"), a, b))
        });
        if inner.is_some() {
            return inner;
        }
    }
    Some((String::new(), a.to_string(), b.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::prelude::*;

    #[test]
    fn the_first_difference_is_named() {
        let a = json!({"engine": "fused", "optimizer": {"Adam": {"learning_rate": 0.001, "epsilon": 1e-8}}});
        let mut b = a.clone();
        assert_eq!(difference(&a, &b), None);
        b["optimizer"]["Adam"]["learning_rate"] = json!(0.01);
        let words = |path: &str, a: &str, b: &str| Some((path.into(), a.into(), b.into()));
        assert_eq!(
            difference(&a, &b),
            words("optimizer.Adam.learning_rate", "0.001", "0.01")
        );
        b["optimizer"] = json!("none");
        assert_eq!(difference(&a, &b).unwrap().2, "\"none\"");
    }

    #[test]
    fn a_network_in_words_is_its_type() {
        type Net = (
            Input<4>,
            Linear<4, 3>,
            LeakyReLU<20>,
            Dropout<50>,
            GELU,
            Linear<3, 2>,
        );
        let words = "Linear<4, 3>, LeakyReLU<20>, Dropout<50>, GELU, Linear<3, 2>";
        assert_eq!(in_words(&Net::PLAN), words);
    }
}
