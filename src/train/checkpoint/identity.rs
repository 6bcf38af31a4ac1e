//! The identity of a training: it resumes only if everything that determines its result is the same.

use serde::Serialize;
use serde_json::Value;

use crate::{
    engine::Ranks,
    error::{Error, Result},
    network::Network,
    objective::Schedule,
    plan::{Op, Plan, Step},
    train::settings::Settings,
};

/// Everything that determines the result of a training.
#[derive(Clone, Debug, Serialize)]
pub(in crate::train) struct Identity {
    network: String,
    /// The engine's name. The number of threads does not change any bit; the processor's SIMD does.
    engine: &'static str,
    /// The data's fingerprint.
    data: String,
    /// The SHA-256 of the validation set, if there is one.
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
            network: describe(&N::PLAN),
            engine,
            data,
            validation_set,
            settings,
        }
    }

    /// Checks that every rank trains as rank 0 does.
    ///
    /// # Errors
    /// [`Error::Setting`] on a rank that does not, [`Error::Rank`] on the others.
    pub(in crate::train) fn check_same(&self, ranks: &Ranks) -> Result<()> {
        let own = serde_json::json!(self);
        let first = ranks.broadcast(|| Ok(own.to_string().into_bytes()))?;
        let first = serde_json::from_slice(&first).unwrap_or_default();
        ranks.agree(match difference(&first, &own) {
            None => Ok(()),
            Some((name, first, own)) => Err(Error::Setting {
                setting: "training by several processes",
                expected: format!("`{name}` {first}, as on rank 0"),
                found: own,
            }),
        })
    }

    /// As JSON, without what may change on resume: the number of epochs at a constant learning rate.
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
pub(crate) fn describe(plan: &Plan) -> String {
    let describe = |step: &Step| match step.op {
        Op::Linear => format!("Linear<{}, {}>", step.inputs, step.outputs),
        Op::LeakyRelu { slope_percent } => format!("LeakyReLU<{slope_percent}>"),
        Op::PRelu { slopes } => format!("PReLU<{slopes}>"),
        Op::Elu { alpha_percent } => format!("ELU<{alpha_percent}>"),
        Op::Dropout { percent } => format!("Dropout<{percent}>"),
        Op::Dropout2d { percent, .. } => format!("Dropout2d<{percent}>"),
        Op::BatchNorm { channels } => format!("BatchNorm<{channels}>"),
        Op::Standardize => format!("Standardize<{}>", step.inputs),
        Op::OneHot => format!("OneHot<{}>", step.outputs),
        Op::Embedding { vocabulary } => format!("Embedding<{vocabulary}, {}>", step.outputs),
        Op::TokenEmbedding { vocabulary } => format!(
            "Tokens<{}, {vocabulary}>, Embedding<{vocabulary}, {}>",
            step.inputs,
            step.outputs / step.inputs
        ),
        Op::EmbeddingBag {
            vocabulary,
            pooling,
        } => format!(
            "Tokens<{}, {vocabulary}>, EmbeddingBag<{vocabulary}, {}, {pooling:?}>",
            step.tokens(),
            step.outputs
        ),
        Op::LayerNorm { image: None } => format!("LayerNorm<{}>", step.inputs),
        Op::LayerNorm {
            image: Some([channels, rows, columns]),
        } => {
            format!("LayerNorm<{channels}, {rows}, {columns}>")
        }
        Op::Add { back } => format!("Add<{back}>"),
        Op::Concat { backs } => {
            let backs = backs.iter().take_while(|&&back| back > 0);
            let backs: Vec<String> = backs.map(usize::to_string).collect();
            format!("Concat<{}>", backs.join(", "))
        }
        Op::Conv2d(window) | Op::MaxPool2d(window) | Op::AvgPool2d(window) => {
            format!("{}({window:?})", step.op.name())
        }
        op => op.name().to_owned(),
    };
    let layers = plan.steps().iter().map(|step| match step.back {
        1 => describe(step),
        back => format!("{} of {back} back", describe(step)),
    });
    let mut layers: Vec<String> = layers.collect();
    if !plan.classes().is_empty() {
        layers.push(format!("Logits of {}", plan.classes().join(",")));
    }
    layers.join(", ")
}

/// The first place where two JSON values differ, with both values there.
pub(super) fn difference(a: &Value, b: &Value) -> Option<(String, String, String)> {
    if a == b {
        return None;
    }
    // Compares fields that both have; another optimiser or schedule is reported as a whole.
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

    use super::{Identity, *};
    use crate::{prelude::*, train::Shuffle};

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

    /// Each setting of a trainer, changed alone, is found by its name. The exhaustive pattern below stops compiling
    /// when a setting is added.
    #[test]
    fn a_change_of_any_setting_is_found_by_its_name() {
        let optimizer = Adam::default().into();
        let early_stopping = EarlyStopping::default();
        let settings = Settings {
            optimizer,
            schedule: OneCycle::default().into(),
            clip_norm: Some(1.0),
            loss: Loss::SmoothedCrossEntropy { smoothing: 0.1 },
            epochs: 9,
            initial_epoch: 0,
            reset_optimizer: false,
            batch_size: 10,
            shuffle: Shuffle::BLOCKS,
            seed: 1,
            validation_samples: 5,
            early_stopping: Some(early_stopping),
        };
        fn weighted(weights: [f32; 2], smoothing: f64) -> Loss {
            WeightedCrossEntropy { weights, smoothing }.into()
        }
        type Change = (&'static str, fn(&mut Settings));
        let changes: [Change; 21] = [
            ("optimizer", |s| s.optimizer = Sgd::default().into()),
            ("optimizer.Adam.learning_rate", |s| {
                s.optimizer = s.optimizer.with_learning_rate(0.5)
            }),
            ("schedule.curve", |s| s.schedule = Cosine::default().into()),
            ("schedule", |s| s.schedule = Schedule::CONSTANT),
            ("clip_norm", |s| s.clip_norm = Some(2.0)),
            ("clip_norm", |s| s.clip_norm = None),
            ("loss.SmoothedCrossEntropy.smoothing", |s| {
                s.loss = Loss::SmoothedCrossEntropy { smoothing: 0.2 }
            }),
            ("loss", |s| s.loss = Loss::CrossEntropy),
            ("loss", |s| s.loss = Loss::MeanAbsoluteError),
            ("loss", |s| s.loss = Loss::Huber { delta: 1.0 }),
            ("loss", |s| s.loss = Loss::BinaryCrossEntropy),
            ("loss", |s| s.loss = weighted([1.0, 2.0], 0.1)),
            ("epochs", |s| s.epochs = 10),
            ("initial_epoch", |s| s.initial_epoch = 1),
            ("reset_optimizer", |s| s.reset_optimizer = true),
            ("batch_size", |s| s.batch_size = 11),
            ("shuffle", |s| s.shuffle = Shuffle::All),
            ("shuffle.Blocks.window", |s| {
                s.shuffle = Shuffle::Blocks {
                    block: 1024,
                    window: 65,
                }
            }),
            ("seed", |s| s.seed = 2),
            ("validation_samples", |s| s.validation_samples = 6),
            ("early_stopping", |s| s.early_stopping = None),
        ];
        let identity = |settings, set: Option<&str>| {
            let set = set.map(str::to_owned);
            Identity::new::<(Linear<1, 1>,)>("fused", "data".to_owned(), set, settings).fixed()
        };
        let mine = identity(settings.clone(), None);
        assert_eq!(difference(&mine, &identity(settings.clone(), None)), None);
        for (name, change) in changes {
            let mut changed = settings.clone();
            change(&mut changed);
            let (found, ..) = difference(&mine, &identity(changed, None)).expect(name);
            assert!(found.starts_with(name), "{found} in place of {name}");
        }
        let (found, ..) =
            difference(&mine, &identity(settings.clone(), Some("sum"))).expect("a set");
        assert_eq!(found, "validation_set");

        // every number of a loss
        let of = |loss: Loss| {
            let changed = Settings {
                loss,
                ..settings.clone()
            };
            identity(changed, None)
        };
        for (one, other, name) in [
            (
                Loss::Huber { delta: 1.0 },
                Loss::Huber { delta: 1.5 },
                "loss.Huber.delta",
            ),
            (
                weighted([1.0, 2.0], 0.1),
                weighted([1.0, 2.0], 0.2),
                "loss.WeightedCrossEntropy.smoothing",
            ),
            (
                weighted([1.0, 2.0], 0.1),
                weighted([1.0, 2.5], 0.1),
                "loss.WeightedCrossEntropy.weights",
            ),
        ] {
            let (found, ..) = difference(&of(one), &of(other)).expect(name);
            assert_eq!(found, name);
        }

        let Settings {
            optimizer: _,
            schedule: _,
            clip_norm: _,
            loss: _,
            epochs: _,
            initial_epoch: _,
            reset_optimizer: _,
            batch_size: _,
            shuffle: _,
            seed: _,
            validation_samples: _,
            early_stopping: _,
        } = settings;
    }

    /// Every number of the settings of each optimiser and of early stopping is part of the identity.
    #[test]
    fn a_change_of_any_number_within_a_setting_is_found() {
        let of = |optimizer: crate::objective::Optimizer| {
            let mut value = json!(optimizer);
            std::mem::take(
                value
                    .as_object_mut()
                    .expect("a kind")
                    .values_mut()
                    .next()
                    .expect("one"),
            )
        };
        let numbers = |value: Value| value.as_object().expect("numbers").len();
        // Exhaustive patterns, which stop compiling when a number is added.
        let Sgd {
            learning_rate: _,
            momentum: _,
            nesterov: _,
            weight_decay: _,
        } = Sgd::default();
        assert_eq!(numbers(of(Sgd::default().into())), 4);
        let Adam {
            learning_rate: _,
            betas: _,
            epsilon: _,
            weight_decay: _,
        } = Adam::default();
        assert_eq!(numbers(of(Adam::default().into())), 4);
        let AdamW {
            learning_rate: _,
            betas: _,
            epsilon: _,
            weight_decay: _,
        } = AdamW::default();
        assert_eq!(numbers(of(AdamW::default().into())), 4);
        let EarlyStopping {
            patience: _,
            min_delta: _,
        } = EarlyStopping::default();
        assert_eq!(numbers(json!(EarlyStopping::default())), 2);
    }

    #[test]
    fn the_description_of_a_network_is_its_type() {
        type Net = (
            Input<4>,
            Linear<4, 3>,
            LeakyReLU<20>,
            ELU<50>,
            Dropout<50>,
            GELU,
            Linear<3, 2>,
        );
        let words = "Linear<4, 3>, LeakyReLU<20>, ELU<50>, Dropout<50>, GELU, Linear<3, 2>";
        assert_eq!(describe(&Net::PLAN), words);
        type Branches = (
            Residual<(Linear<3, 3>, BatchNorm1d<3>), (Linear<3, 3>,)>,
            Residual<(Tanh,)>,
        );
        let words = "Linear<3, 3>, BatchNorm<3>, Linear<3, 3> of 3 back, Add<2>, Tanh, Add<2>";
        assert_eq!(describe(&Branches::PLAN), words);
        crate::classes! {
            enum Answer { No, Yes = "yes" }
        }
        type Table = (Standardize<4>, Linear<4, 2>, Logits<Answer>);
        let words = "Standardize<4>, Linear<4, 2>, Logits of No,yes";
        assert_eq!(describe(&Table::PLAN), words);
    }
}
