"""What stands where in a model file: the sections with their rows, and the words of the header.

Three generations of files exist, and the reader takes sizes from the header, not from the version:

- version 0, tables per type, at most 4 types, written by training programs: 128 header words;
- the same on hardware in use: 32 header words (rows, widths and cutoff alone) and neighbour numbers of 8 bits;
- version 1, embeddings of types, at most 32 types; its SUB_VERSION 2 has 64 slices for 256 neighbours.

Source: NVNMD format, hardware model file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from nvnmd.formats import row_bytes

WIDTH, NODES, HIDDEN = 32, 128, 3  # channels of the embedding; nodes and number of the hidden layers
SEGMENTS = 512  # segments of each table
LIMIT_OF_TYPES = {0: 4, 1: 32}
NAMES = {
    0: ("cfg", "fps", "bps", "swt", "dsw", "fea", "gra"),
    1: ("cfg", "fps", "bps", "swt", "dsw", "std", "fea", "gra", "gtt", "avc"),
}
HEADER_WORDS, OLD_HEADER_WORDS = 128, 32
ROW, FLOATS, WORD = 72, 29, 32  # bits of a row of weights, of a number in a table, of a word
WEIGHT_BITS, EXPONENT_BITS, BIAS_BITS = 18, 3, 29
LEAST_CFG_ROWS = 128


@dataclass(frozen=True)
class Section:
    """Rows of bits, all of one width.

    Attributes
    ----------
    name : str
        Three letters.
    rows, width : int
        Number of rows; bits of each.
    """

    name: str
    rows: int
    width: int

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self.rows * row_bytes(self.width)


@dataclass(frozen=True)
class Layout:
    """What decides where everything stands.

    Attributes
    ----------
    version : int
        0: tables per type; 1: embeddings of types.
    max_nnei : int
        Neighbours of the device, 128 or 256; no size follows from it.
    slices : int
        Parts in which the fitting net is worked off, one after the other: 64 or 128.
    sub_version : int
        1, or 2 of newer hardware of version 1.
    header_words : int
        128, or 32 of version 0 on hardware in use.
    sel_bits : int
        Width of the neighbour numbers of version 0: 9 as training programs write them, 8 on hardware in use.
    """

    version: int
    max_nnei: int = 128
    slices: int = 64
    sub_version: int = 1
    header_words: int = HEADER_WORDS
    sel_bits: int = 9

    def deployed(self) -> Layout:
        """The same with the header of hardware in use."""
        return replace(self, header_words=OLD_HEADER_WORDS) if self.version == 0 else self

    @property
    def types(self) -> int:
        """Types the file has room for."""
        return LIMIT_OF_TYPES[self.version]

    @property
    def networks(self) -> int:
        """Fitting nets the file has room for; also the tables of each kind."""
        return self.types if self.version == 0 else 1

    @property
    def coarse(self) -> float:
        """Width of the coarse segments of the feature tables, in units of s."""
        return 1 / 8 if self.sub_version == 2 else 1 / 16

    @property
    def nodes(self) -> int:
        """Nodes of a layer in one slice."""
        return NODES // self.slices

    @property
    def network_rows(self) -> int:
        """Rows of one slice of a fitting net."""
        of_hidden = self.nodes * (NODES * WEIGHT_BITS + EXPONENT_BITS + BIAS_BITS)
        of_final = self.nodes * WEIGHT_BITS + EXPONENT_BITS + BIAS_BITS
        return -(-(HIDDEN * of_hidden + of_final) // ROW)

    @property
    def sections(self) -> tuple[Section, ...]:
        """The sections in the order of the file."""
        rows = self.networks * self.slices * self.network_rows
        numbers = {"swt": 2, "dsw": 2, "fea": WIDTH, "gra": WIDTH}  # channels of the tables
        sizes = {"cfg": (self._cfg_rows, ROW), "fps": (rows, ROW), "bps": (rows, ROW)}
        for name, channels in numbers.items():
            total = self.networks * SEGMENTS * channels * 4
            at_once = (4 if channels == 2 else 8) if self.version == 0 else 1
            sizes[name] = (total // at_once, at_once * FLOATS if self.version == 0 else WORD)
        if self.version == 1:
            sizes["std"] = (2 * self.types, WORD)
            sizes["gtt"] = (self.types**2 * WIDTH, WORD)
            sizes["avc"] = (self.types * NODES, WORD)
        return tuple(Section(name, *sizes[name]) for name in NAMES[self.version])

    @property
    def _cfg_rows(self) -> int:
        """Shift index, neighbour numbers, contributions of empty slots and NIX; NIX alone in version 1."""
        bits = 8 if self.version == 1 else 9 + 4 * self.sel_bits + 32 * WIDTH * 4 * 4 + 8
        return max(-(-bits // ROW), LEAST_CFG_ROWS)

    @property
    def offsets(self) -> dict[str, int]:
        """First byte of each section."""
        offsets, position = {}, 4 * self.header_words
        for section in self.sections:
            offsets[section.name] = position
            position += section.size
        return offsets

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return 4 * self.header_words + sum(section.size for section in self.sections)

    @property
    def version_word(self) -> int:
        """First word of the header: version, sub-version, neighbours."""
        return self.version + 256 * self.sub_version + 65536 * self.max_nnei

    @property
    def shape_words(self) -> list[int]:
        """Rows of all sections, then their widths in hexadecimal digits."""
        return [section.rows for section in self.sections] + [-(-section.width // 4) for section in self.sections]
