use std::fmt;

/// What a file is, by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Compressed, and no archive: zlib, gzip, bzip2, xz, lz4, zstd.
    Compressed,
    /// Machine code or byte code.
    Executable,
    /// GGUF.
    Gguf,
    /// HDF5, such as Keras before version 3.
    Hdf5,
    /// A picture: PNG, JPEG, GIF, WebP.
    Image,
    /// JSON.
    Json,
    /// Keras version 3, a zip.
    Keras,
    /// An array of NumPy.
    Npy,
    /// Arrays of NumPy in a zip.
    Npz,
    /// ONNX.
    Onnx,
    /// The data of an ONNX file beside it.
    OnnxData,
    /// A pickle of Python.
    Pickle,
    /// safetensors.
    Safetensors,
    /// TensorFlow SavedModel.
    SavedModel,
    /// A program as text, by its first line.
    Script,
    /// A vocabulary of SentencePiece.
    SentencePiece,
    /// skops, a zip.
    Skops,
    /// An archive of tar, such as `.nemo`.
    Tar,
    /// UTF-8 text.
    Text,
    /// PyTorch since 1.6, a zip.
    Torch,
    /// A program exported by PyTorch, a zip.
    TorchExport,
    /// PyTorch before 1.6: pickles in a row.
    TorchLegacy,
    /// TorchScript, a zip.
    TorchScript,
    /// None of these.
    Unknown,
    /// A zip of something else.
    Zip,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::Compressed,
        Self::Executable,
        Self::Gguf,
        Self::Hdf5,
        Self::Image,
        Self::Json,
        Self::Keras,
        Self::Npy,
        Self::Npz,
        Self::Onnx,
        Self::OnnxData,
        Self::Pickle,
        Self::Safetensors,
        Self::SavedModel,
        Self::Script,
        Self::SentencePiece,
        Self::Skops,
        Self::Tar,
        Self::Text,
        Self::Torch,
        Self::TorchExport,
        Self::TorchLegacy,
        Self::TorchScript,
        Self::Unknown,
        Self::Zip,
    ];

    /// The name, as reports spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compressed => "compressed",
            Self::Executable => "executable",
            Self::Gguf => "gguf",
            Self::Hdf5 => "hdf5",
            Self::Image => "image",
            Self::Json => "json",
            Self::Keras => "keras",
            Self::Npy => "npy",
            Self::Npz => "npz",
            Self::Onnx => "onnx",
            Self::OnnxData => "onnx-data",
            Self::Pickle => "pickle",
            Self::Safetensors => "safetensors",
            Self::SavedModel => "saved-model",
            Self::Script => "script",
            Self::SentencePiece => "sentencepiece",
            Self::Skops => "skops",
            Self::Tar => "tar",
            Self::Text => "text",
            Self::Torch => "torch",
            Self::TorchExport => "torch-export",
            Self::TorchLegacy => "torch-legacy",
            Self::TorchScript => "torch-script",
            Self::Unknown => "unknown",
            Self::Zip => "zip",
        }
    }

    /// Whether it is on the list of what may be loaded if nothing is found in it.
    #[must_use]
    pub const fn is_listed(self) -> bool {
        matches!(
            self,
            Self::Gguf
                | Self::Image
                | Self::Json
                | Self::Npy
                | Self::Npz
                | Self::Onnx
                | Self::OnnxData
                | Self::Safetensors
                | Self::SentencePiece
                | Self::Text
        )
    }

    /// Whether PyTorch loads it as tensors.
    pub(crate) const fn is_torch(self) -> bool {
        matches!(self, Self::Torch | Self::TorchLegacy)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ascend_with_their_formats() {
        assert!(Format::ALL.is_sorted_by(|one, next| one < next && one.as_str() < next.as_str()));
    }
}
