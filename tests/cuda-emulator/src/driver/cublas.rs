//! The functions of `libcublas` that the tape calls, computed plainly: each sum in the order of its terms, in `f32`.
//!
//! # Safety
//! As in `cuda/mod.rs`.

#![allow(non_snake_case, reason = "the names of cublas.h")]
#![allow(
    clippy::missing_safety_doc,
    clippy::too_many_arguments,
    reason = "as the head of the file says; NVIDIA's own"
)]

use std::{
    ffi::{c_int, c_longlong, c_void},
    sync::atomic::{AtomicU64, Ordering},
};

use super::device::{Device, Status};

/// The stream of a library's products.
type Handle = *mut AtomicU64;

/// `CUBLAS_STATUS_EXECUTION_FAILED`.
const FAILED: c_int = 13;
const INVALID_VALUE: c_int = 7;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cublasCreate_v2(handle: *mut Handle) -> c_int {
    // SAFETY: by the head of the file.
    unsafe { handle.write(Box::into_raw(Box::default())) };
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cublasDestroy_v2(handle: Handle) -> c_int {
    // SAFETY: by the head of the file, `cublasCreate_v2` has made it, and the program does not use it again.
    drop(unsafe { Box::from_raw(handle) });
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cublasSetStream_v2(handle: Handle, stream: *mut c_void) -> c_int {
    // SAFETY: by the head of the file, `cublasCreate_v2` has made it.
    unsafe { &*handle }.store(stream.addr() as u64, Ordering::Relaxed);
    0
}

/// A column-major matrix in the device's memory, or its transpose.
#[derive(Clone, Copy)]
struct Matrix {
    address: u64,
    stride: usize,
    is_transposed: bool,
    rows: usize,
    columns: usize,
}

impl Matrix {
    fn shape(self) -> (usize, usize) {
        match self.is_transposed {
            true => (self.columns, self.rows),
            false => (self.rows, self.columns),
        }
    }

    /// Its values, in rows if it is transposed and in columns otherwise, without gaps.
    fn read(self, device: &mut Device) -> Result<Vec<f32>, Status> {
        let (rows, columns) = self.shape();
        let mut values = Vec::with_capacity(rows * columns);
        for column in 0..columns {
            let address = self.address + 4 * (column * self.stride) as u64;
            let bytes = device.read(address, 4 * rows, "a product reads")?;
            values.extend(
                bytes
                    .chunks_exact(4)
                    .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
            );
        }
        Ok(values)
    }

    fn write(self, device: &mut Device, values: &[f32]) -> Result<(), Status> {
        for (column, values) in values.chunks(self.rows).enumerate() {
            let address = self.address + 4 * (column * self.stride) as u64;
            let bytes: Vec<u8> = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            device.write(address, &bytes, "a product writes")?;
        }
        Ok(())
    }
}

/// `c = alpha a b + beta c`.
fn product(alpha: f32, [a, b]: [Matrix; 2], beta: f32, c: Matrix) -> Result<(), Status> {
    let device = &mut Device::get();
    device.check()?;
    let (m, n, k) = (c.rows, c.columns, a.columns);
    let (left, right) = (a.read(device)?, b.read(device)?);
    let left_columns = match a.is_transposed {
        true => transposed(&left, k, m),
        false => left,
    };
    // As in cuBLAS, `c` is not read if `beta` is 0.
    let mut result = match beta == 0.0 {
        true => vec![0.0; m * n],
        false => c.read(device)?.iter().map(|value| beta * value).collect(),
    };
    let mut sums = vec![0.0f32; m];
    for (j, result) in result.chunks_mut(m).enumerate() {
        sums.fill(0.0);
        for (p, column) in left_columns.chunks(m).enumerate() {
            let factor = if b.is_transposed {
                right[p * n + j]
            } else {
                right[j * k + p]
            };
            for (sum, value) in sums.iter_mut().zip(column) {
                *sum += value * factor;
            }
        }
        for (result, sum) in result.iter_mut().zip(&sums) {
            *result += alpha * sum;
        }
    }
    c.write(device, &result)
}

/// The columns of a matrix whose rows of `width` values these are.
fn transposed(values: &[f32], width: usize, height: usize) -> Vec<f32> {
    let places = (0..width).flat_map(|column| (0..height).map(move |row| row * width + column));
    places.map(|at| values[at]).collect()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cublasSgemm_v2(
    handle: Handle,
    transpose_a: c_int,
    transpose_b: c_int,
    m: c_int,
    n: c_int,
    k: c_int,
    alpha: *const f32,
    a: u64,
    stride_a: c_int,
    b: u64,
    stride_b: c_int,
    beta: *const f32,
    c: u64,
    stride_c: c_int,
) -> c_int {
    // SAFETY: by the head of the file.
    unsafe {
        cublasSgemmStridedBatched(
            handle,
            transpose_a,
            transpose_b,
            m,
            n,
            k,
            alpha,
            a,
            stride_a,
            0,
            b,
            stride_b,
            0,
            beta,
            c,
            stride_c,
            0,
            1,
        )
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cublasSgemmStridedBatched(
    handle: Handle,
    transpose_a: c_int,
    transpose_b: c_int,
    m: c_int,
    n: c_int,
    k: c_int,
    alpha: *const f32,
    a: u64,
    stride_a: c_int,
    step_a: c_longlong,
    b: u64,
    stride_b: c_int,
    step_b: c_longlong,
    beta: *const f32,
    c: u64,
    stride_c: c_int,
    step_c: c_longlong,
    count: c_int,
) -> c_int {
    // SAFETY: by the head of the file.
    let (alpha, beta) = unsafe { (*alpha, *beta) };
    if [m, n, k, count].iter().any(|size| *size < 0) {
        return INVALID_VALUE;
    }
    // SAFETY: by the head of the file, `cublasCreate_v2` has made it.
    let stream = unsafe { &*handle }.load(Ordering::Relaxed);
    // The real library's can be recorded.
    let permitted = Device::get().permit_in(stream, "a product, which is not covered");
    if permitted.is_err() {
        return FAILED;
    }
    let matrix = |address: u64,
                  (stride, step): (c_int, c_longlong),
                  index: c_int,
                  transpose,
                  rows,
                  columns| Matrix {
        address: address.wrapping_add_signed(4 * step * c_longlong::from(index)),
        stride: stride as usize,
        is_transposed: transpose != 0,
        rows: rows as usize,
        columns: columns as usize,
    };
    for index in 0..count {
        let a = matrix(a, (stride_a, step_a), index, transpose_a, m, k);
        let b = matrix(b, (stride_b, step_b), index, transpose_b, k, n);
        let c = matrix(c, (stride_c, step_c), index, 0, m, n);
        if [a, b, c]
            .iter()
            .any(|matrix| matrix.stride < matrix.shape().0)
        {
            return INVALID_VALUE;
        }
        if m > 0 && n > 0 && product(alpha, [a, b], beta, c).is_err() {
            return FAILED;
        }
    }
    0
}
