//! One index page: sorted names, or the pages below it with the names that part them.
//!
//! Invariants: the names of a leaf are in order, each once, none empty. In an inner page the first
//! name is empty, whatever stands below it; every other is greater than all names below the pages
//! before it, and not greater than any below its own. Pages are never changed: a change gives a new
//! one, so that no buffer grows and leaves names behind in memory.

use alloc::string::String;
use alloc::vec::Vec;

use crate::json;
use crate::reject::Corrupt;
use crate::seal::Barrier;
use crate::secret::Wiped;
use crate::store::cache::Form;
use crate::store::codec::{Reader, Writer};

const VERSION: u8 = 1;
/// Bytes of a page without names: version, level, two counts.
const EMPTY_BYTES: usize = 1 + 1 + 4 + 4;
/// Bytes that a name takes beside its text.
const NAME_BYTES: usize = 4;
/// Levels of a tree: with two pages below each page that is more names than there are atoms.
const LEVEL_MAX: u8 = 64;

/// Which page of a tree it is. Ids are random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageId(pub(crate) [u8; 8]);

/// See the module. Names are secrets: they are wiped when the page is dropped.
#[derive(Clone, Default)]
pub(crate) struct Page {
    /// 0 for a leaf, else one more than the pages below.
    level: u8,
    names: Names,
    /// The pages below, one for each name; none in a leaf.
    below: Vec<PageId>,
}

impl Form for Page {
    fn decode(payload: &[u8], _: &Barrier) -> Result<Self, Corrupt> {
        Self::read(payload)
    }

    fn bytes(&self) -> usize {
        self.names.text.len() + self.names.ends.len() * 4 + self.below.len() * 8
    }
}

impl Page {
    /// Reads the payload of a record.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(bytes, VERSION)?;
        let level = reader.u8()?;
        let names = reader.list(Reader::str)?;
        let below = reader.list(|reader| reader.array().map(PageId))?;
        reader.finish()?;
        let starts_right = match names.first() {
            Some(first) => first.is_empty() == (level > 0),
            None => false,
        };
        let counts_match = below.len() == if level == 0 { 0 } else { names.len() };
        if !starts_right || !counts_match || level > LEVEL_MAX || !is_ascending(&names) {
            return Err(Corrupt("an index page that breaks its order"));
        }
        Ok(Self { level, names: Names::collect(names.into_iter()), below })
    }

    /// A leaf of one name.
    pub(super) fn leaf(name: &str) -> Self {
        Self { level: 0, names: Names::collect(core::iter::once(name)), below: Vec::new() }
    }

    /// The page above two others, parted by a name.
    pub(super) fn above(level: u8, left: PageId, separator: &str, right: PageId) -> Self {
        let names = Names::collect(["", separator].into_iter());
        Self { level: level + 1, names, below: alloc::vec![left, right] }
    }

    pub(crate) fn encode(&self) -> Wiped<Vec<u8>> {
        Writer::new(VERSION)
            .u8(self.level)
            .list(self.names.iter(), |writer, name| writer.str(name))
            .list(self.below.iter(), |writer, id| writer.array(&id.0))
            .finish()
    }

    pub(super) fn level(&self) -> u8 {
        self.level
    }

    /// The names of a leaf.
    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.names.iter()
    }

    /// Puts the names of a leaf into a list.
    pub(crate) fn list(&self, list: &mut json::List) {
        self.names.list(list);
    }

    /// Bytes of the names in a list, commas between them included, where none needs an escape.
    pub(crate) fn json_bytes(&self) -> usize {
        self.names.text.len()
    }

    /// Whether this may stand right below another.
    pub(super) fn is_below(&self, above: &Self) -> bool {
        self.level + 1 == above.level
    }

    /// The pages below; none in a leaf.
    pub(super) fn below(&self) -> &[PageId] {
        &self.below
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn is_leaf(&self) -> bool {
        self.level == 0
    }

    /// Where a name stands in a leaf, or where it would stand.
    pub(super) fn search(&self, name: &str) -> Result<usize, usize> {
        self.names.search(name)
    }

    /// The page below that a name belongs to.
    pub(super) fn child_of(&self, name: &str) -> usize {
        match self.names.search(name) {
            Ok(at) => at,
            Err(at) => at.saturating_sub(1),
        }
    }

    /// The name that parts the page below at `at` from the one before it.
    pub(super) fn separator(&self, at: usize) -> &str {
        self.names.get(at)
    }

    /// Bytes of the page as it is stored.
    fn encoded_bytes(&self) -> usize {
        EMPTY_BYTES + self.names.bytes() + self.names.len() * NAME_BYTES + self.below.len() * 8
    }

    /// Whether so little is left that a neighbour could take it in.
    pub(super) fn is_small(&self, bytes_max: usize) -> bool {
        self.encoded_bytes() < bytes_max / 4
    }

    /// Whether two pages that were joined leave room for names to come.
    pub(super) fn is_roomy(&self, bytes_max: usize) -> bool {
        self.encoded_bytes() <= bytes_max / 4 * 3
    }

    /// A leaf with one name more.
    pub(super) fn with_name(&self, at: usize, name: &str) -> Self {
        Self { level: self.level, names: self.names.with(at, name), below: Vec::new() }
    }

    /// An inner page with one page more below it.
    pub(super) fn with_child(&self, at: usize, separator: &str, id: PageId) -> Self {
        let mut below = self.below.clone();
        below.insert(at, id);
        Self { level: self.level, names: self.names.with(at, separator), below }
    }

    /// Without one name, or one page below.
    pub(super) fn without(&self, at: usize) -> Self {
        if self.is_leaf() {
            return Self { level: 0, names: self.names.without(at), below: Vec::new() };
        }
        let mut below = self.below.clone();
        below.remove(at);
        // The first name is empty, whichever page it is.
        let names = self.names.without(at.max(1).min(self.len() - 1));
        Self { level: self.level, names, below }
    }

    /// Where the page is to be split, if it is too large. A name that was put at either end is likely
    /// to be followed by others there, and splitting right at it fills pages that do not change.
    pub(super) fn split_point(&self, inserted: usize, bytes_max: usize) -> Option<usize> {
        // Two pages below each: one would make a tree without end of names that are too long.
        let least = if self.is_leaf() { 1 } else { 2 };
        if self.encoded_bytes() <= bytes_max || self.len() < 2 * least {
            return None;
        }
        let most = self.len() - least;
        if inserted + 1 == self.len() {
            return Some(most);
        }
        if inserted == 0 {
            return Some(least);
        }
        let middle = self.names.bytes() / 2;
        let at = self.names.ends.partition_point(|&end| to_usize(end) <= middle);
        Some(at.clamp(least, most))
    }

    /// Both parts, and the name that parts them: the shortest that does.
    pub(super) fn split(&self, at: usize) -> (Self, Wiped<String>, Self) {
        let left = Names::collect(self.names.iter().take(at));
        let right = self.names.iter().skip(at);
        let (separator, right) = if self.is_leaf() {
            let separator = shortest_between(self.names.get(at - 1), self.names.get(at));
            (separator, Names::collect(right))
        } else {
            let first = core::iter::once("");
            (self.names.get(at), Names::collect(first.chain(right.skip(1))))
        };
        let separator = Wiped::new(String::from(separator));
        let mut below = self.below.clone();
        let behind = if self.is_leaf() { Vec::new() } else { below.split_off(at) };
        let level = self.level;
        (Self { level, names: left, below }, separator, Self { level, names: right, below: behind })
    }

    /// Two neighbours as one; `separator` is what parted them.
    pub(super) fn join(left: &Self, separator: &str, right: &Self) -> Self {
        let first = (!left.is_leaf()).then_some(separator);
        let rest = right.names.iter().skip(usize::from(!left.is_leaf()));
        let names = Names::collect(left.names.iter().chain(first).chain(rest));
        let below = [left.below.as_slice(), right.below.as_slice()].concat();
        Self { level: left.level, names, below }
    }
}

/// The shortest beginning of `right` that is greater than `left`, which is smaller than `right`.
fn shortest_between<'a>(left: &str, right: &'a str) -> &'a str {
    let common = left.chars().zip(right.chars()).take_while(|(left, right)| left == right);
    let length = common.map(|(_, character)| character.len_utf8()).sum::<usize>();
    let next = right.get(length..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    right.get(..length + next).unwrap_or(right)
}

fn is_ascending(names: &[&str]) -> bool {
    names.is_sorted_by(|left, right| left < right)
}

/// Names as they stand in the JSON text of a list, so that a list is a copy: each in quotes, with commas
/// between them. Inside of the quotes nothing is escaped.
#[derive(Clone, Default)]
struct Names {
    text: Wiped<String>,
    /// For each name the bytes of all names up to its end, without quotes and commas.
    ends: Vec<u32>,
    /// Whether no name has anything to escape.
    is_plain: bool,
}

/// What stands before the first name, and between two.
const OPEN: &str = "\"";
const BETWEEN: &str = "\",\"";

impl Names {
    fn collect<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Self {
        let (mut count, mut bytes) = (0, 0);
        for name in names.clone() {
            count += 1;
            bytes += name.len();
        }
        let mut text = Wiped::new(String::with_capacity(bytes + count * BETWEEN.len()));
        let mut ends = Vec::with_capacity(count);
        let mut end = 0;
        for name in names {
            text.push_str(if ends.is_empty() { OPEN } else { BETWEEN });
            text.push_str(name);
            end += name.len();
            ends.push(u32::try_from(end).expect("a page is far below 4 GiB"));
        }
        if !ends.is_empty() {
            text.push_str(OPEN);
        }
        // The quotes are counted too.
        let is_plain = json::count_escaped(&text) == 2 * ends.len();
        Self { text, ends, is_plain }
    }

    /// Bytes of all names.
    fn bytes(&self) -> usize {
        self.ends.last().copied().map_or(0, to_usize)
    }

    fn list(&self, list: &mut json::List) {
        if self.is_plain {
            list.raw(&self.text);
        } else {
            self.iter().for_each(|name| list.string(name));
        }
    }

    fn with(&self, at: usize, name: &str) -> Self {
        let before = self.iter().take(at);
        Self::collect(before.chain(core::iter::once(name)).chain(self.iter().skip(at)))
    }

    fn without(&self, at: usize) -> Self {
        Self::collect(self.iter().take(at).chain(self.iter().skip(at + 1)))
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    /// The name at a place that there is.
    fn get(&self, at: usize) -> &str {
        let end = |at: usize| self.ends.get(at).copied().map(to_usize);
        let start = at.checked_sub(1).map_or(Some(0), end);
        let before = OPEN.len() + at * BETWEEN.len();
        let range = start.zip(end(at)).map(|(start, end)| before + start..before + end);
        range.and_then(|range| self.text.get(range)).expect("the place is inside the page")
    }

    fn iter(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        (0..self.len()).map(|at| self.get(at))
    }

    fn search(&self, name: &str) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle).cmp(name) {
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Equal => return Ok(middle),
                core::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }
}

fn to_usize(end: u32) -> usize {
    usize::try_from(end).expect("addresses have 32 bits at least")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(names: &[&str]) -> Page {
        Page { names: Names::collect(names.iter().copied()), ..Page::default() }
    }

    #[test]
    fn reads_back_what_was_written() {
        let inner = Page::above(3, PageId([1; 8]), "m", PageId([2; 8]));
        for page in [leaf(&["A", "a", "a/"]), inner] {
            let again = Page::read(&page.encode()).unwrap();
            assert_eq!(*again.encode(), *page.encode());
            assert_eq!(page.encoded_bytes(), page.encode().len());
        }
    }

    #[test]
    fn lists_its_names_as_json() {
        const CASES: [(&[&str], &str); 5] = [
            (&["a"], r#"["a"]"#),
            (&["a", "b/", "é"], r#"["a","b/","é"]"#),
            (&["\"", "a"], r#"["\"","a"]"#),
            (&["a", "b&\n"], r#"["a","b\u0026\n"]"#),
            (&["\u{2028}", "⭐"], r#"["\u2028","⭐"]"#),
        ];
        for (names, text) in CASES {
            let mut list = json::List::new();
            leaf(names).list(&mut list);
            assert_eq!(list.finish(), text);
            assert_eq!(Vec::from_iter(leaf(names).names()), names);
        }
    }

    #[test]
    fn refuses_pages_out_of_order() {
        const CASES: [(u8, &[&str], usize); 10] = [
            (0, &["b", "a"], 0),
            (0, &["a", "a"], 0),
            (0, &[], 0),
            (0, &[""], 0),
            (0, &["a"], 1),
            (1, &["a", "b"], 2),
            (1, &["", "a"], 1),
            (1, &["", "b", "a"], 3),
            (1, &[], 0),
            (LEVEL_MAX + 1, &["", "a"], 2),
        ];
        for (level, names, below) in CASES {
            let ids = alloc::vec![PageId([0; 8]); below];
            let bytes = Writer::new(VERSION)
                .u8(level)
                .list(names.iter(), |writer, name| writer.str(name))
                .list(ids.iter(), |writer, id| writer.array(&id.0))
                .finish();
            assert!(Page::read(&bytes).is_err(), "{level} {names:?} {below}");
        }
    }

    #[test]
    fn parts_names_by_the_shortest_text_between_them() {
        const CASES: [(&str, &str, &str); 6] = [
            ("a", "b", "b"),
            ("apple", "apricot", "apr"),
            ("app", "apple", "appl"),
            ("a", "aä", "aä"),
            ("é", "ê", "ê"),
            ("x1", "x2345", "x2"),
        ];
        for (left, right, separator) in CASES {
            assert_eq!(shortest_between(left, right), separator, "{left} {right}");
        }
    }

    #[test]
    fn joins_what_it_split() {
        let ids = [1, 2, 3, 4].map(|number| PageId([number; 8]));
        let names = Names::collect(["", "c", "f", "k"].into_iter());
        let inner = Page { level: 1, names, below: ids.to_vec() };
        for page in [leaf(&["a", "b", "c", "d"]), inner] {
            for at in 1..4 {
                let (left, separator, right) = page.split(at);
                assert_eq!(*Page::join(&left, &separator, &right).encode(), *page.encode());
            }
        }
    }

    #[test]
    fn loses_pages_below_one_by_one() {
        let page = Page::above(0, PageId([1; 8]), "m", PageId([2; 8]));
        for (at, left) in [(0, 2), (1, 1)] {
            let one = page.without(at);
            assert_eq!(one.below(), [PageId([left; 8])]);
            assert_eq!(one.separator(0), "");
            assert_eq!(one.without(0).len(), 0);
        }
    }
}
