//! The public API and the engines, against PyTorch, finite differences and MNIST.

#![cfg(feature = "dfdx")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod again;
mod anything;
mod batches;
mod calibration;
mod cases;
mod changes;
mod checkpoints;
mod cli;
mod cli_checkpoints;
mod cli_explain;
mod cli_goals;
mod cli_networks;
#[cfg(unix)]
mod cli_output;
mod cli_predict;
#[cfg(all(feature = "csv", feature = "text"))]
mod cli_text;
mod clipping;
mod closed_forms;
mod committees;
#[cfg(feature = "csv")]
mod csv;
mod curves;
mod drawing_oracle;
mod early_stopping;
mod embeddings;
mod engines;
mod exits;
mod explain;
mod finite_differences;
mod frozen;
#[cfg(unix)]
mod guard;
mod idx;
mod idx_oracle;
mod images;
#[cfg(unix)]
mod kill;
mod labels;
mod losses;
#[cfg(feature = "mmap")]
mod mapped;
mod metrics;
mod mnist;
mod mnist_format;
mod nan;
mod norm;
mod one_way;
mod oracle;
mod package;
mod pairs;
mod parity;
mod pictures;
mod pytorch;
mod reader;
mod resume;
mod sample_weights;
mod samples;
mod saving;
mod schedules;
mod settings;
mod standardize;
mod tables;
#[cfg(feature = "text")]
mod tokenizer;
mod validation;
#[cfg(feature = "text")]
mod vocabulary_oracle;
mod wide;
