//! The plain bytes of records: fixed-width integers in big-endian order, and texts behind their
//! length. Every record begins with its version.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use crate::reject::Corrupt;
use crate::secret::Wiped;
use crate::time::Time;

/// Builds a record. Its bytes may be secret: they are wiped when dropped.
pub(crate) struct Writer(Wiped<Vec<u8>>);

impl Writer {
    pub(crate) fn new(version: u8) -> Self {
        Self(Wiped::new(alloc::vec![version]))
    }

    #[must_use]
    pub(crate) fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    #[must_use]
    pub(crate) fn bool(self, value: bool) -> Self {
        self.u8(u8::from(value))
    }

    #[must_use]
    pub(crate) fn u32(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    #[must_use]
    pub(crate) fn u64(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    #[must_use]
    pub(crate) fn i64(mut self, value: i64) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    #[must_use]
    pub(crate) fn time(self, value: Time) -> Self {
        self.u64(value.unix_nanos())
    }

    /// Bytes whose number is known to the reader.
    #[must_use]
    pub(crate) fn array(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    #[must_use]
    pub(crate) fn bytes(self, bytes: &[u8]) -> Self {
        self.count(bytes.len()).array(bytes)
    }

    #[must_use]
    pub(crate) fn str(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    #[must_use]
    pub(crate) fn count(self, count: usize) -> Self {
        self.u32(u32::try_from(count).expect("records are below 4 GiB"))
    }

    /// A flag, and the value if there is one.
    #[must_use]
    pub(crate) fn option<T>(self, value: Option<T>, write: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => write(self.u8(1), value),
            None => self.u8(0),
        }
    }

    /// A count, and the items.
    #[must_use]
    pub(crate) fn list<I>(self, items: I, write: impl Fn(Self, I::Item) -> Self) -> Self
    where
        I: ExactSizeIterator,
    {
        let counted = self.count(items.len());
        items.fold(counted, write)
    }

    pub(crate) fn finish(self) -> Wiped<Vec<u8>> {
        self.0
    }
}

/// Reads a record back.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Of a record whose version must be `version`.
    pub(crate) fn new(bytes: &'a [u8], version: u8) -> Result<Self, Corrupt> {
        match bytes.split_first() {
            Some((found, rest)) if *found == version => Ok(Self { rest }),
            Some(_) => Err(Corrupt("unknown version of a record")),
            None => Err(Corrupt("empty record")),
        }
    }

    /// Of a record that has been written in several versions: the version, and what is behind it.
    pub(crate) fn versioned(bytes: &'a [u8]) -> Result<(u8, Self), Corrupt> {
        let (version, rest) = bytes.split_first().ok_or(Corrupt("empty record"))?;
        Ok((*version, Self { rest }))
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(SHORT)?;
        self.rest = rest;
        Ok(*bytes)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Corrupt> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, Corrupt> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Corrupt("a flag that is neither 0 nor 1")),
        }
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Corrupt> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Corrupt> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Corrupt> {
        self.array().map(i64::from_be_bytes)
    }

    pub(crate) fn time(&mut self) -> Result<Time, Corrupt> {
        self.u64().map(Time::from_unix_nanos)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Corrupt> {
        let length = usize::try_from(self.u32()?).map_err(|_| SHORT)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(SHORT)?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(crate) fn str(&mut self) -> Result<&'a str, Corrupt> {
        str::from_utf8(self.bytes()?).map_err(|_| Corrupt("a text that is no UTF-8"))
    }

    pub(crate) fn string(&mut self) -> Result<String, Corrupt> {
        self.str().map(ToOwned::to_owned)
    }

    pub(crate) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Corrupt>,
    ) -> Result<Option<T>, Corrupt> {
        if self.bool()? { read(self).map(Some) } else { Ok(None) }
    }

    /// Items; no memory is set aside for a count that the bytes do not bear out.
    pub(crate) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Corrupt>,
    ) -> Result<Vec<T>, Corrupt> {
        let count = self.u32()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(read(self)?);
        }
        Ok(items)
    }

    /// All that is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<(), Corrupt> {
        if self.rest.is_empty() { Ok(()) } else { Err(Corrupt("bytes behind a record")) }
    }
}

const SHORT: Corrupt = Corrupt("a record that ends early");

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Wiped<Vec<u8>> {
        Writer::new(3)
            .bool(true)
            .u32(7)
            .i64(-9)
            .str("text")
            .option(Some("x"), Writer::str)
            .option(None, Writer::u64)
            .list(["a", "b"].iter(), |writer, text| writer.str(text))
            .array(&[1, 2, 3])
            .finish()
    }

    fn read(bytes: &[u8]) -> Result<(), Corrupt> {
        let mut reader = Reader::new(bytes, 3)?;
        assert!(reader.bool()?);
        assert_eq!(reader.u32()?, 7);
        assert_eq!(reader.i64()?, -9);
        assert_eq!(reader.str()?, "text");
        assert_eq!(reader.option(Reader::string)?.as_deref(), Some("x"));
        assert_eq!(reader.option(Reader::u64)?, None);
        assert_eq!(reader.list(Reader::string)?, ["a", "b"]);
        assert_eq!(reader.array::<3>()?, [1, 2, 3]);
        reader.finish()
    }

    #[test]
    fn reads_back_what_was_written() {
        assert_eq!(read(&sample()), Ok(()));
    }

    #[test]
    fn refuses_every_cut_and_every_addition() {
        let bytes = sample();
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{length}");
        }
        let mut longer = bytes.to_vec();
        longer.push(0);
        assert!(read(&longer).is_err());
        assert!(Reader::new(&bytes, 4).is_err());
    }
}
