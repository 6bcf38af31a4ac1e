//! The data of the example: MNIST, or built-in digits.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use tuplenet::{
    Error, Result,
    data::{Download, MnistShape},
    prelude::*,
    target::Classes,
};

use crate::options::Options;

/// The data to train and test on.
pub struct Data<S: MnistShape> {
    pub name: &'static str,
    pub source: Source<S>,
    pub test: Dataset<S, Classes<10>>,
    /// MNIST's test set, if the network is trained on built-in digits and MNIST is available.
    pub real_test: Option<Dataset<S, Classes<10>>>,
}

pub enum Source<S: MnistShape> {
    Mnist(Dataset<S, Classes<10>>),
    BuiltIn(Digits),
}

/// Loads the data that the options select, and prints which.
pub fn load<S: MnistShape>(options: &Options) -> Result<Data<S>> {
    let found = match (&options.data, options.download) {
        (Some(folder), true) => download(folder),
        (Some(folder), false) => Mnist::in_folder(folder),
        (None, true) => download(&Mnist::cache_folder().unwrap_or_else(|| "mnist".into())),
        (None, false) => Mnist::find(),
    };
    let loaded = match found {
        Ok(mnist) => Some(mnist.load()?),
        Err(Error::DataNotFound { .. }) => None,
        Err(error) => return Err(error),
    };
    let built_in = |real_test| {
        let source = Source::BuiltIn(Digits::new(options.seed));
        // A seed that differs from the training's, so that no test digit is a training digit.
        let test = Digits::new(!options.seed).dataset(0..10_000)?;
        Ok(Data {
            name: "built-in digits",
            source,
            test,
            real_test,
        })
    };
    match loaded {
        Some((train, test)) if !options.built_in => {
            println!(
                "data: MNIST, {} training and {} test images",
                train.len(),
                test.len()
            );
            Ok(Data {
                name: "mnist",
                source: Source::Mnist(train),
                test,
                real_test: None,
            })
        }
        None if options.augment => Err(Error::Setting {
            setting: "augment",
            expected: "MNIST (built-in digits are new in every epoch anyway)".to_owned(),
            found: "built-in digits, as MNIST was not found".to_owned(),
        }),
        None if !options.built_in => {
            println!("data: built-in digits, as MNIST was not found; --download downloads it");
            built_in(None)
        }
        loaded => {
            println!(
                "data: built-in digits, {} new ones per epoch",
                Digits::PER_EPOCH
            );
            built_in(loaded.map(|(_, test)| test))
        }
    }
}

fn download(folder: &Path) -> Result<Mnist> {
    let bar = ProgressBar::new(0).with_style(bar_style("{msg} {bar:30} {bytes}/{total_bytes}"));
    let mnist = Mnist::download(
        folder,
        |Download {
             file,
             received_bytes,
             total_bytes,
             ..
         }| {
            bar.set_message(file.to_owned());
            bar.set_length(total_bytes);
            bar.set_position(received_bytes);
        },
    )?;
    bar.finish_and_clear();
    Ok(mnist)
}

pub fn bar_style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
