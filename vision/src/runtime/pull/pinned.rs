//! The versions `runtime pull` fetches, with their lengths and checksums: looked up once, when they were chosen.
//!
//! Any wheel for Python 3.12 will do, since only the libraries are taken. The CUDA runtime needs NVIDIA's own libraries,
//! in the versions its package asks for; they are packages of NVIDIA's, under NVIDIA's licence.

use crate::download::Checksum;
use crate::provider::Provider;

/// A wheel, known by its checksum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wheel {
    /// The package it belongs to, as indexes spell it.
    pub package: &'static str,
    /// Its file name.
    pub file: &'static str,
    /// Its length.
    pub bytes: u64,
    sha256: [u8; 32],
}

impl Wheel {
    /// What its content must be.
    pub fn checksum(&self) -> Checksum {
        Checksum::Sha256(self.sha256)
    }
}

/// The wheels of a runtime for this kind of processor; `None` where there are none.
pub fn wheels(provider: Provider) -> Option<&'static [Wheel]> {
    match (provider, std::env::consts::ARCH) {
        (Provider::Cpu, "x86_64") => Some(CPU_X86_64),
        (Provider::Cpu, "aarch64") => Some(CPU_AARCH64),
        (Provider::OpenVino, "x86_64") => Some(OPENVINO_X86_64),
        (Provider::Cuda, "x86_64") => Some(CUDA_X86_64),
        (Provider::Cuda, "aarch64") => Some(CUDA_AARCH64),
        _ => None,
    }
}

/// The pinned wheel of that file name.
pub fn by_name(file: &str) -> Option<&'static Wheel> {
    [CPU_X86_64, CPU_AARCH64, OPENVINO_X86_64, CUDA_X86_64, CUDA_AARCH64]
        .into_iter()
        .flatten()
        .find(|wheel| wheel.file == file)
}

const fn wheel(package: &'static str, file: &'static str, bytes: u64, sha256: &str) -> Wheel {
    Wheel { package, file, bytes, sha256: sum(sha256) }
}

/// Sixty-four hexadecimal digits. One that is none stops the build.
const fn sum(digits: &str) -> [u8; 32] {
    let digits = digits.as_bytes();
    assert!(digits.len() == 64);
    let mut sum = [0; 32];
    let mut at = 0;
    while at < 64 {
        let digit = digits[at];
        assert!(digit.is_ascii_digit() || (digit >= b'a' && digit <= b'f'));
        let value = if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 };
        sum[at / 2] = sum[at / 2] << 4 | value;
        at += 1;
    }
    sum
}

const CPU_X86_64: &[Wheel] = &[wheel(
    "onnxruntime",
    "onnxruntime-1.32.0-cp312-cp312-manylinux_2_28_x86_64.whl",
    27_780_211,
    "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8",
)];

const CPU_AARCH64: &[Wheel] = &[wheel(
    "onnxruntime",
    "onnxruntime-1.32.0-cp312-cp312-manylinux_2_28_aarch64.whl",
    23_196_724,
    "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054",
)];

const OPENVINO_X86_64: &[Wheel] = &[wheel(
    "onnxruntime-openvino",
    "onnxruntime_openvino-1.24.1-cp312-cp312-manylinux_2_28_x86_64.whl",
    84_433_207,
    "d617fac2f59a6ab5ea59a788c3e1592240a129642519aaeaa774761dfe35150e",
)];

const CUDA_X86_64: &[Wheel] = &[
    wheel(
        "onnxruntime-gpu",
        "onnxruntime_gpu-1.31.1-cp312-cp312-manylinux_2_28_x86_64.whl",
        255_569_273,
        "05d548956197b9d01f59b625de740e0d6be3593f874e241a12dc0362650ecdf7",
    ),
    wheel(
        "nvidia-cuda-runtime",
        "nvidia_cuda_runtime-13.5.37-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        2_504_024,
        "df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d",
    ),
    wheel(
        "nvidia-cuda-nvrtc",
        "nvidia_cuda_nvrtc-13.5.37-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
        58_185_930,
        "86b4d68058807988b7d9af5b44917a0601e9c337f35ccd657bfb3c759ff8d8bc",
    ),
    wheel(
        "nvidia-cublas",
        "nvidia_cublas-13.8.2.12-py3-none-manylinux_2_27_x86_64.whl",
        439_349_182,
        "21721774d8e7044debec3034ecc1a8cd22e173eb6dae5d7f5f8a014852382894",
    ),
    wheel(
        "nvidia-cufft",
        "nvidia_cufft-12.4.0.43-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        161_750_089,
        "0e8385013596b112d29c9ce8c63dc575b308d77636c7169104e18714f03961a8",
    ),
    wheel(
        "nvidia-curand",
        "nvidia_curand-10.4.4.72-py3-none-manylinux_2_27_x86_64.whl",
        61_498_332,
        "25c3457ae7a224fdd484dab90b0fc5dc0e842fab5db3012afa4a5bd2af4eb7e5",
    ),
    wheel(
        "nvidia-nvjitlink",
        "nvidia_nvjitlink-13.5.37-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
        46_642_491,
        "280d7cb9649704145f074b8dbde500de04ce02d0872e066e20a83c17bcaa93eb",
    ),
    wheel(
        "nvidia-cudnn-cu13",
        "nvidia_cudnn_cu13-9.28.1.4-py3-none-manylinux_2_27_x86_64.whl",
        516_817_937,
        "a54f205b1db1f2895d99f398754db1369816f0569dd459731f925635cf7b65ec",
    ),
];

const CUDA_AARCH64: &[Wheel] = &[
    wheel(
        "onnxruntime-gpu",
        "onnxruntime_gpu-1.31.1-cp312-cp312-manylinux_2_34_aarch64.whl",
        212_341_829,
        "a0f1725c5a6d1ef82d63498b5ebc25e2c90c9560e91dc76db9be4a49162d4d33",
    ),
    wheel(
        "nvidia-cuda-runtime",
        "nvidia_cuda_runtime-13.5.37-py3-none-manylinux2014_aarch64.manylinux_2_17_aarch64.whl",
        2_520_010,
        "de2dc5a7367974228b0a69588a9acc9340d3768bef1bf38bf0801eb08497cd2d",
    ),
    wheel(
        "nvidia-cuda-nvrtc",
        "nvidia_cuda_nvrtc-13.5.37-py3-none-manylinux2014_aarch64.manylinux_2_17_aarch64.whl",
        56_419_462,
        "36e4fa2a8ada293f5693d308e531c196ab6f91cf7a0ff479bf96a537d43a6096",
    ),
    wheel(
        "nvidia-cublas",
        "nvidia_cublas-13.8.2.12-py3-none-manylinux_2_27_aarch64.whl",
        552_775_376,
        "8740b0e5b502b93537aea93738a0649426746fa001071365cc756c7173b5a801",
    ),
    wheel(
        "nvidia-cufft",
        "nvidia_cufft-12.4.0.43-py3-none-manylinux2014_aarch64.manylinux_2_17_aarch64.whl",
        161_750_525,
        "3938644a5b594e06d396e02d6e52bdd84589b3c1f3a8a127a2704211c2abc441",
    ),
    wheel(
        "nvidia-curand",
        "nvidia_curand-10.4.4.72-py3-none-manylinux_2_27_aarch64.whl",
        63_771_251,
        "53bef256d4362eb3d70c9c048a8d31bcf003f9dcade17720c73d3a494a7dcaa3",
    ),
    wheel(
        "nvidia-nvjitlink",
        "nvidia_nvjitlink-13.5.37-py3-none-manylinux2014_aarch64.manylinux_2_17_aarch64.whl",
        45_253_761,
        "893f6f9a55b2720ed94913b5ba3332e972da8c78dfa2863d0244403dbd528ffc",
    ),
    wheel(
        "nvidia-cudnn-cu13",
        "nvidia_cudnn_cu13-9.28.1.4-py3-none-manylinux_2_27_aarch64.whl",
        597_008_823,
        "759b6a4919951ed8ec603dec97b96f6a6396c8269b95b3d345526e2471fb433d",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_packages_belong_together() {
        for provider in Provider::ALL {
            for wheel in wheels(provider).into_iter().flatten() {
                let stem = wheel.package.replace('-', "_") + "-";
                assert!(wheel.file.starts_with(&stem) && wheel.file.ends_with(".whl"), "{}", wheel.file);
                assert_eq!(by_name(wheel.file), Some(wheel));
            }
        }
        assert_eq!(
            wheels(Provider::Cpu).is_some(),
            cfg!(any(target_arch = "x86_64", target_arch = "aarch64"))
        );
    }
}
