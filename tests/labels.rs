//! Networks and data sets whose classes have names.

use safetensors::SafeTensors;
use tuplenet::{
    label::Label,
    objective::{OneHot, SmoothedCrossEntropy},
    prelude::*,
    shape::Features,
    train::Checkpoints,
};

use crate::engines::{Tested, on_every_engine};

tuplenet::classes! {
    enum Size {
        Small = "s",
        Medium,
        Large = "very large",
    }
}
tuplenet::classes! {
    enum Other {
        Small = "s",
        Medium,
        Large,
    }
}

type Net = (Linear<1, 8>, Tanh, Linear<8, 3>, Logits<Size>);
type Unnamed = (Linear<1, 8>, Tanh, Linear<8, 3>);
type Sizes = Dataset<Features<1>, Size>;

fn data() -> Sizes {
    let sizes = [Size::Small, Size::Medium, Size::Large];
    let values = (0..30).map(|i| (i % 3) as f32).collect();
    let labels: Vec<Size> = (0..30).map(|i| sizes[i % 3]).collect();
    Dataset::labelled(values, &labels).unwrap()
}

fn trainer<'a>() -> Trainer<'a> {
    let adam = Adam {
        learning_rate: 0.05,
        ..Adam::default()
    };
    Trainer::new(adam).epochs(60).batch(10)
}

on_every_engine! {
    a_network_learns_and_gives_names
    a_training_of_other_names_is_not_resumed
}

fn a_network_learns_and_gives_names<T: Tested>() {
    let data = data();
    let mut net = T::new::<Net>(Weights::init(1));
    trainer().validation(6).fit(&mut net, &data).unwrap();
    let evaluation = net.evaluate(&data).unwrap();
    assert_eq!(evaluation.accuracy(), 1.0);
    let table = evaluation.to_string();
    assert!(table.contains("very large"), "{table}");
    assert_eq!(net.classify(&[0.0]).unwrap(), Size::Small);
    assert_eq!(net.classify(&[2.0]).unwrap().to_string(), "very large");

    // names change neither the numbers of layers nor a bit
    let mut unnamed = T::new::<Unnamed>(Weights::init(1));
    let indices = (0..30).map(|i| i % 3).collect();
    let same = Dataset::<_, tuplenet::target::Classes<3>>::from_values(
        (0..30).map(|i| (i % 3) as f32).collect(),
        indices,
    );
    let same = same.unwrap();
    trainer().validation(6).fit(&mut unnamed, &same).unwrap();
    assert_eq!(
        unnamed.weights().unwrap().as_slice(),
        net.weights().unwrap().as_slice()
    );
    assert_eq!(unnamed.classify(&[2.0]).unwrap(), 2);
    assert_eq!(same.named::<Size>().class(4), Some(Size::Medium));
    assert_eq!(same.named::<Size>().sha256(), data.sha256());
}

/// The losses that take classes take those with names.
#[test]
fn every_loss_of_classes_takes_names() {
    let data = data();
    let mut net = Fused::<Net>::new(Weights::init(1)).unwrap();
    let smoothed = SmoothedCrossEntropy { smoothing: 0.1 };
    trainer().loss(smoothed).fit(&mut net, &data).unwrap();
    assert_eq!(net.evaluate(&data).unwrap().accuracy(), 1.0);
    let squares = OneHot(MeanSquaredError);
    trainer().loss(squares).fit(&mut net, &data).unwrap();
    trainer()
        .loss(Loss::CrossEntropy)
        .fit(&mut net, &data)
        .unwrap();
}

fn a_training_of_other_names_is_not_resumed<T: Tested>() {
    type Renamed = (Linear<1, 8>, Tanh, Linear<8, 3>, Logits<Other>);
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = || Checkpoints::in_folder(folder.path()).resume(true);
    let mut net = T::new::<Net>(Weights::init(1));
    let mut first = trainer().epochs(1).checkpoints(checkpoints());
    first.fit(&mut net, &data()).unwrap();
    let labels: Vec<Other> = (0..30).map(|i| Other::ALL[i % 3]).collect();
    let values = (0..30).map(|i| (i % 3) as f32).collect();
    let data = Dataset::<Features<1>, Other>::labelled(values, &labels).unwrap();
    let mut renamed = T::new::<Renamed>(Weights::init(1));
    let mut second = trainer().checkpoints(checkpoints());
    let error = second.fit(&mut renamed, &data).unwrap_err().to_string();
    assert!(error.contains("Logits of s,Medium,very large"), "{error}");
    // nor are its weights read
    let checkpoint = std::fs::read_dir(folder.path()).unwrap();
    let mut checkpoint = checkpoint.map(|entry| entry.unwrap().path());
    let checkpoint = checkpoint.find(|path| path.extension().is_some_and(|e| e == "safetensors"));
    let checkpoint = checkpoint.unwrap();
    assert!(Weights::<Net>::load(&checkpoint).is_ok());
    let error = Weights::<Renamed>::load(&checkpoint)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`classes`: expected s,Medium,Large, found s,Medium,very large"),
        "{error}"
    );
}

#[test]
fn a_weights_file_has_the_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sizes.safetensors");
    let weights = Weights::<Net>::init(1);
    weights.save(&path).unwrap();
    let file = std::fs::read(&path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&file).unwrap();
    let metadata = header.metadata().as_ref().unwrap();
    assert_eq!(metadata["classes"], "s,Medium,very large");
    assert_eq!(Weights::<Net>::load(&path).unwrap(), weights);
    let frozen = Frozen::<Net>::from_bytes(&file).unwrap();
    let net = Fused::<Net>::new(weights.clone()).unwrap();
    assert_eq!(frozen.classify(&[0.5]), net.classify(&[0.5]).unwrap());

    // names that begin alike, are fewer or more, are others
    for found in [
        "s,Medium",
        "s,Medium,very large,x",
        "s,Medium,very largest",
        "s,Medium,",
        "",
        "s,Medium,very",
    ] {
        let metadata = [("classes".to_owned(), found.to_owned())];
        let views = SafeTensors::deserialize(&file).unwrap();
        let file = safetensors::serialize(views.tensors(), Some(metadata.into())).unwrap();
        let error = Weights::<Net>::from_bytes(&file).unwrap_err();
        assert_eq!(
            (error.tensor(), error.expected()),
            ("classes", "s,Medium,very large")
        );
        assert_eq!(error.found(), found);
        assert!(Weights::<Unnamed>::from_bytes(&file).is_ok());
    }
    let without = folder.path().join("unnamed.safetensors");
    Weights::<Unnamed>::init(1).save(&without).unwrap();
    assert_eq!(Weights::<Net>::load(without).unwrap(), weights);
}

/// A label by hand, with an index that is none of its classes.
#[test]
fn an_index_out_of_range_is_an_error() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Wrong(usize);
    impl Label for Wrong {
        type Logits = Features<2>;
        const ALL: &'static [Self] = &[Wrong(0), Wrong(1)];
        const NAMES: &'static [&'static str] = &["no", "yes"];
        fn index(self) -> usize {
            self.0
        }
    }
    for index in [2, 256, 257] {
        let data =
            Dataset::<Features<1>, Wrong>::labelled(vec![1.0, 2.0], &[Wrong(1), Wrong(index)]);
        let expected = format!("data set: expected a label below 2, found {index} (sample 1)");
        assert_eq!(data.unwrap_err().to_string(), expected);
    }
}
