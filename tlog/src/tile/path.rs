//! The path of a tile or an entry bundle below the log's prefix.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::coord::{BundleIndex, TileCoord, TileError, TileWidth};
use crate::text::{TextError, decimal};

/// The path of a tile or of an entry bundle, without a leading slash.
///
/// ```text
/// tile/<L>/<N>[.p/<W>]           tile/0/x001/x234/067
/// tile/entries/<N>[.p/<W>]       tile/entries/000.p/3
///
/// L   0 to 63, decimal
/// N   groups of three digits, all but the last behind an x; as few groups as the number needs
/// W   1 to 255, decimal; a full tile has no width in its path
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "c2sp.org/tlog-tiles has these two resources")]
pub enum TilePath {
    /// Entries, see [`crate::entry_bundle`].
    Entries {
        /// Which bundle.
        index: BundleIndex,
        /// How many entries.
        width: TileWidth,
    },
    /// Hashes.
    Tile {
        /// Which tile.
        coord: TileCoord,
        /// How many hashes.
        width: TileWidth,
    },
}

/// A path that leads to no tile and no entry bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TilePathError {
    /// The index is not spelled in its one way.
    #[error("tile index is not in groups of three digits, as few as can be")]
    Index,
    /// The index does not fit into 64 bits.
    #[error("tile index is above 2^64-1")]
    IndexTooLarge,
    /// The level is no number.
    #[error("tile level is refused")]
    Level {
        /// What the reader saw.
        source: TextError,
    },
    /// The level is a number above 63.
    #[error("tile level {seen} is above 63")]
    LevelTooHigh {
        /// The level.
        seen: u64,
    },
    /// No tree has a tile there.
    #[error("tile path leads out of every tree")]
    Outside {
        /// Where to.
        #[from]
        source: TileError,
    },
    /// The path does not start with `tile/` and a level or `entries`.
    #[error("path is not of the form tile/<level>/<index>")]
    Prefix,
    /// The width is no number.
    #[error("tile width is refused")]
    Width {
        /// What the reader saw.
        source: TextError,
    },
    /// The width is 0, or 256 and above; a full tile has none.
    #[error("width {seen} of a partial tile is not 1 to 255")]
    WidthOutOfRange {
        /// The width.
        seen: u64,
    },
}

impl TilePath {
    /// Reads a path, given without the leading slash.
    ///
    /// # Errors
    ///
    /// * [`TilePathError::Prefix`] if it is another resource's path;
    /// * [`TilePathError::Level`], [`TilePathError::LevelTooHigh`], [`TilePathError::Index`],
    ///   [`TilePathError::IndexTooLarge`], [`TilePathError::Width`], [`TilePathError::WidthOutOfRange`] for the part they
    ///   name;
    /// * [`TilePathError::Outside`] if the path is well-formed and no tree has such a tile.
    pub fn parse(path: &str) -> Result<Self, TilePathError> {
        let rest = path.strip_prefix("tile/").ok_or(TilePathError::Prefix)?;
        let (level, rest) = rest.split_once('/').ok_or(TilePathError::Prefix)?;
        let level = match level {
            "entries" => None,
            level => Some(parse_level(level)?),
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (parse_index(index)?, parse_width(width)?),
            None => (parse_index(rest)?, TileWidth::FULL),
        };
        Ok(match level {
            Some(level) => Self::Tile { coord: TileCoord::new(level, index)?, width },
            None => Self::Entries { index: BundleIndex::new(index)?, width },
        })
    }
}

impl FromStr for TilePath {
    type Err = TilePathError;

    fn from_str(path: &str) -> Result<Self, TilePathError> {
        Self::parse(path)
    }
}

/// Writes the one path that [`TilePath::parse`] reads back.
impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, width) = match self {
            Self::Entries { index, width } => {
                f.write_str("tile/entries/")?;
                (index.get(), width)
            }
            Self::Tile { coord, width } => {
                write!(f, "tile/{}/", coord.level())?;
                (coord.index(), width)
            }
        };
        write_upper_groups(f, index / 1000)?;
        write!(f, "{:03}", index % 1000)?;
        if width.is_full() { Ok(()) } else { write!(f, ".p/{}", width.get()) }
    }
}

/// Writes the groups above the last: at most six, for an index of at most 20 digits.
fn write_upper_groups(f: &mut fmt::Formatter<'_>, index: u64) -> fmt::Result {
    if index == 0 {
        return Ok(());
    }
    write_upper_groups(f, index / 1000)?;
    write!(f, "x{:03}/", index % 1000)
}

fn parse_level(text: &str) -> Result<u8, TilePathError> {
    let level = decimal(text).map_err(|source| TilePathError::Level { source })?;
    // 63 is the specification's bound; coordinates stop at 7, where trees do.
    match u8::try_from(level) {
        Ok(level) if level <= 63 => Ok(level),
        _ => Err(TilePathError::LevelTooHigh { seen: level }),
    }
}

fn parse_width(text: &str) -> Result<TileWidth, TilePathError> {
    let seen = decimal(text).map_err(|source| TilePathError::Width { source })?;
    match u16::try_from(seen).ok().and_then(|width| TileWidth::new(width).ok()) {
        Some(width) if !width.is_full() => Ok(width),
        _ => Err(TilePathError::WidthOutOfRange { seen }),
    }
}

fn parse_index(text: &str) -> Result<u64, TilePathError> {
    let (upper, last) = match text.rsplit_once('/') {
        Some((upper, last)) => (Some(upper), last),
        None => (None, text),
    };
    let mut index = 0;
    for (position, group) in upper.into_iter().flat_map(|upper| upper.split('/')).enumerate() {
        let group = parse_group(group.strip_prefix('x').ok_or(TilePathError::Index)?)?;
        // A number has one path: x000/001 would be a second one for 001.
        if position == 0 && group == 0 {
            return Err(TilePathError::Index);
        }
        index = append_group(index, group)?;
    }
    append_group(index, parse_group(last)?)
}

fn append_group(index: u64, group: u64) -> Result<u64, TilePathError> {
    let index = index.checked_mul(1000).and_then(|index| index.checked_add(group));
    index.ok_or(TilePathError::IndexTooLarge)
}

fn parse_group(text: &str) -> Result<u64, TilePathError> {
    if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_err(|_| TilePathError::Index)
    } else {
        Err(TilePathError::Index)
    }
}
