//! What a rule may grant: a set of capabilities.
//!
//! Invariant: a set that has `deny` has nothing else.

use crate::route::Operation;

/// A set of capabilities, and a single one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Capabilities(u16);

impl Capabilities {
    pub(crate) const CREATE: Self = Self(1);
    pub(crate) const DELETE: Self = Self(1 << 1);
    pub(crate) const DENY: Self = Self(1 << 2);
    pub(crate) const LIST: Self = Self(1 << 3);
    pub(crate) const PATCH: Self = Self(1 << 4);
    pub(crate) const READ: Self = Self(1 << 5);
    /// Bring back what a snapshot has. No request asks for it yet.
    pub(crate) const RECOVER: Self = Self(1 << 6);
    pub(crate) const SCAN: Self = Self(1 << 7);
    /// Be told of events. No request asks for it yet.
    pub(crate) const SUBSCRIBE: Self = Self(1 << 8);
    pub(crate) const SUDO: Self = Self(1 << 9);
    pub(crate) const UPDATE: Self = Self(1 << 10);

    /// The capability of this name.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        WORDS.iter().find(|(name, _)| *name == word).map(|(_, capability)| *capability)
    }

    /// What the shorthand `policy = ".."` stands for.
    pub(super) fn of_shorthand(word: &str) -> Option<Self> {
        let read = Self(Self::READ.0 | Self::LIST.0);
        let write = Self(read.0 | Self::CREATE.0 | Self::UPDATE.0 | Self::DELETE.0);
        Some(match word {
            "" => Self::default(),
            "deny" => Self::DENY,
            "read" => read,
            "write" => write,
            "sudo" => Self(write.0 | Self::SUDO.0),
            _ => return None,
        })
    }

    /// The capability that an operation needs; `None` for those that nobody is granted.
    pub(super) fn of_operation(operation: Operation) -> Option<Self> {
        match operation {
            Operation::Create => Some(Self::CREATE),
            Operation::Delete => Some(Self::DELETE),
            Operation::List => Some(Self::LIST),
            Operation::Patch => Some(Self::PATCH),
            Operation::Read => Some(Self::READ),
            Operation::Scan => Some(Self::SCAN),
            Operation::Update => Some(Self::UPDATE),
            Operation::Header | Operation::Help | Operation::None => None,
        }
    }

    /// Both sets; a denial in one of them is all that is left.
    #[must_use]
    pub(super) fn and(self, other: Self) -> Self {
        let both = Self(self.0 | other.0);
        if both.has(Self::DENY) { Self::DENY } else { both }
    }

    /// Whether this capability is in the set.
    pub(crate) fn has(self, capability: Self) -> bool {
        self.0 & capability.0 != 0
    }

    /// Whether something is granted.
    pub(crate) fn grants(self) -> bool {
        self != Self::default() && self != Self::DENY
    }

    /// The names in the order of the alphabet; `deny` where nothing is granted.
    pub(crate) fn words(self) -> impl Iterator<Item = &'static str> {
        self.named(WORDS.iter().map(|(name, _)| *name))
    }

    /// The names in the order of `sys/internal/ui/resultant-acl`.
    pub(super) fn resultant_words(self) -> impl Iterator<Item = &'static str> {
        let names = |late: bool| {
            WORDS.iter().map(|(name, _)| *name).filter(move |name| LATE.contains(name) == late)
        };
        self.named(names(false).chain(names(true)))
    }

    fn named(
        self,
        names: impl Iterator<Item = &'static str>,
    ) -> impl Iterator<Item = &'static str> {
        let shown = if self.grants() { self } else { Self::DENY };
        names.filter(move |name| Self::of_word(name).is_some_and(|one| shown.has(one)))
    }
}

/// Every capability, in the order of the alphabet.
const WORDS: [(&str, Capabilities); 11] = [
    ("create", Capabilities::CREATE),
    ("delete", Capabilities::DELETE),
    ("deny", Capabilities::DENY),
    ("list", Capabilities::LIST),
    ("patch", Capabilities::PATCH),
    ("read", Capabilities::READ),
    ("recover", Capabilities::RECOVER),
    ("scan", Capabilities::SCAN),
    ("subscribe", Capabilities::SUBSCRIBE),
    ("sudo", Capabilities::SUDO),
    ("update", Capabilities::UPDATE),
];

/// What came to the API later stands behind the others in a resultant ACL.
const LATE: [&str; 4] = ["patch", "recover", "scan", "subscribe"];

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn set(words: &str) -> Capabilities {
        let one = |word| Capabilities::of_word(word).expect("it is known");
        words.split_whitespace().map(one).fold(Capabilities::default(), Capabilities::and)
    }

    #[test]
    fn shows_sets_in_both_orders() {
        const CASES: [(&str, &[&str], &[&str]); 5] = [
            ("", &["deny"], &["deny"]),
            ("read deny", &["deny"], &["deny"]),
            ("update read create", &["create", "read", "update"], &["create", "read", "update"]),
            ("sudo patch list", &["list", "patch", "sudo"], &["list", "sudo", "patch"]),
            (
                "scan update recover delete",
                &["delete", "recover", "scan", "update"],
                &["delete", "update", "recover", "scan"],
            ),
        ];
        for (words, sorted, resultant) in CASES {
            assert_eq!(set(words).words().collect::<Vec<_>>(), sorted);
            assert_eq!(set(words).resultant_words().collect::<Vec<_>>(), resultant);
        }
    }

    #[test]
    fn knows_the_shorthands() {
        const CASES: [(&str, &str); 4] = [
            ("read", "read list"),
            ("write", "create read update delete list"),
            ("sudo", "create read update delete list sudo"),
            ("deny", "deny"),
        ];
        for (word, words) in CASES {
            assert_eq!(Capabilities::of_shorthand(word), Some(set(words)), "{word}");
        }
        assert_eq!(Capabilities::of_shorthand("all"), None);
    }
}
