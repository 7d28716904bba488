//! What the policies of one caller come to, and the rule that decides about a path.
//!
//! Rules for one path are an ordered table. The others stand under their heads: the text before anything
//! that stands for others. Of two rules that match a path the one with the longer head is the more exact,
//! so the search goes from the longest head that the path begins with to shorter ones, and the first rule
//! that matches decides.
//!
//! Invariants: no two rules have the same path; a search allocates nothing, and takes time in proportion to
//! the path and the rules whose head it begins with.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::capability::Capabilities;
use super::document::Stanza;
use super::filter::Filter;
use super::pattern::Pattern;
use super::template::{Identity, Values, earlier};
use super::terms::{Terms, unlimited};
use super::{Grant, Question, Source};
use crate::json::{Doc, Object};
use crate::route::Operation;
use crate::time::Time;

/// See the module.
#[derive(Default)]
pub(crate) struct Acl {
    /// In the order of the paths.
    exact: Vec<(Box<str>, Rule)>,
    /// In the order of their texts.
    heads: Vec<Head>,
    valid_until: Option<Time>,
}

/// What is granted for a path.
#[derive(Clone, Default)]
struct Rule {
    capabilities: Capabilities,
    terms: Option<Arc<Terms>>,
}

/// Rules with the same text before anything that stands for others.
struct Head {
    text: Box<str>,
    /// The longest other head that this one begins with.
    parent: Option<usize>,
    /// The most exact one first.
    patterns: Vec<(Pattern, Rule)>,
}

impl Acl {
    /// Takes the rules of all policies together, without those that have ended and those whose templates
    /// cannot be filled in.
    pub(crate) fn compile(
        sources: &[Source<'_>],
        now: Time,
        identity: Option<&dyn Identity>,
    ) -> Self {
        let mut valid_until = None;
        let mut rules: BTreeMap<String, Rule> = BTreeMap::new();
        for Source { prefix, policy } in sources {
            let values = Values { now, identity, namespace: prefix, options: policy.options };
            for stanza in &policy.stanzas {
                if stanza.expires.is_some_and(|expires| expires <= now) {
                    continue;
                }
                valid_until = earlier(valid_until, stanza.expires);
                let Some((path, until)) = path_of(stanza, &values) else { continue };
                valid_until = earlier(valid_until, until);
                rules.entry(path).or_default().merge(stanza);
            }
        }
        let (mut exact, mut patterns) = (Vec::new(), Vec::new());
        for (path, rule) in rules {
            match Pattern::parse(&path) {
                Some(pattern) => patterns.push((pattern, rule)),
                None => exact.push((path.into(), rule)),
            }
        }
        Self { exact, heads: Head::group(patterns), valid_until }
    }

    /// When it must be compiled anew: the next rule ends, or a template that names the time has another
    /// value.
    pub(crate) fn valid_until(&self) -> Option<Time> {
        self.valid_until
    }

    /// Decides about a request; `None` if it is denied. LIST and SCAN name a folder, with or without a slash
    /// at the end.
    pub(crate) fn decide(&self, question: &Question<'_>) -> Option<Grant> {
        if question.operation == Operation::Help {
            return Some(Grant::default());
        }
        let wanted = Capabilities::of_operation(question.operation)?;
        let is_list = question.operation.is_list();
        let rule = self.find(question.path, is_list)?;
        if !rule.capabilities.has(wanted) {
            return None;
        }
        let sudo = rule.capabilities.has(Capabilities::SUDO);
        if let Some(terms) = &rule.terms {
            return terms.judge(question, sudo);
        }
        let data = question.data.filter(|_| is_list).and_then(Doc::object);
        Some(Grant { sudo, limit: unlimited(data), filter: None })
    }

    /// What `sys/capabilities` shows of a path.
    pub(crate) fn capabilities(&self, path: &str) -> Capabilities {
        let rule = self.choose(path, path.strip_suffix('/'));
        rule.map(|rule| rule.capabilities).unwrap_or_default()
    }

    /// Whether a name of a list is shown: whether the path that its filter makes of it may be read, or
    /// listed if the name is a folder's. `namespace` is what [`Question::path`] has before the path of the
    /// request.
    pub(crate) fn shows(&self, filter: &Filter, namespace: &str, folder: &str, name: &str) -> bool {
        let Some(path) = filter.path(folder, name) else { return false };
        let path = if namespace.is_empty() { path } else { [namespace, &path].concat() };
        let is_list = name.ends_with('/');
        let wanted = if is_list { Capabilities::LIST } else { Capabilities::READ };
        self.find(&path, is_list).is_some_and(|rule| rule.capabilities.has(wanted))
    }

    /// Whether something may be granted on a path that begins with `prefix`: a mount is visible then.
    pub(crate) fn reaches(&self, prefix: &str) -> bool {
        if self.capabilities(prefix).grants() {
            return true;
        }
        let from = self.exact.partition_point(|(path, _)| **path < *prefix);
        let below = self.exact.iter().skip(from);
        if below
            .take_while(|(path, _)| path.starts_with(prefix))
            .any(|(_, rule)| rule.capabilities.grants())
        {
            return true;
        }
        // A rule for all below the prefix hides the rules that are less exact.
        let covering = self.search(prefix, |pattern| pattern.is_prefix());
        let hides = |pattern: &Pattern| {
            covering
                .is_some_and(|(covering, _)| covering.cmp_exactness(pattern) == Ordering::Greater)
        };
        self.heads.iter().flat_map(|head| &head.patterns).any(|(pattern, rule)| {
            rule.capabilities.grants() && pattern.reaches(prefix) && !hides(pattern)
        })
    }

    /// `data` of `sys/internal/ui/resultant-acl`, as JSON. Rules with `+` are not in it.
    pub(crate) fn resultant(&self) -> String {
        let exact = self.exact.iter().map(|(path, rule)| (&**path, rule));
        let globs = self.heads.iter().flat_map(|head| &head.patterns);
        let globs = globs
            .filter(|(pattern, _)| pattern.is_prefix())
            .map(|(pattern, rule)| (pattern.text(), rule));
        let show = |object: Object, (path, rule): (&str, &Rule)| object.raw(path, &rule.show());
        Object::new()
            .raw("exact_paths", &exact.fold(Object::new(), show).finish())
            .raw("glob_paths", &globs.fold(Object::new(), show).finish())
            .plain("root", false)
            .finish()
    }

    /// Memory behind it.
    pub(crate) fn bytes(&self) -> usize {
        let exact = self
            .exact
            .iter()
            .map(|(path, rule)| size_of::<(Box<str>, Rule)>() + path.len() + rule.bytes());
        let heads = self.heads.iter().map(|head| {
            let patterns = head.patterns.iter().map(|(pattern, rule)| {
                size_of::<(Pattern, Rule)>() + pattern.bytes() + rule.bytes()
            });
            size_of::<Head>() + head.text.len() + patterns.sum::<usize>()
        });
        exact.sum::<usize>() + heads.sum::<usize>()
    }

    /// The rule that decides about a request.
    fn find(&self, path: &str, is_list: bool) -> Option<&Rule> {
        if !is_list {
            return self.choose(path, None);
        }
        let folder = match path.strip_suffix('/') {
            Some(_) => Cow::Borrowed(path),
            None => Cow::Owned([path, "/"].concat()),
        };
        self.choose(&folder, folder.strip_suffix('/'))
    }

    /// The rule for a path; for a folder the rules for its path without the slash count as well.
    fn choose(&self, path: &str, without_slash: Option<&str>) -> Option<&Rule> {
        let exact = self.exact(path).or_else(|| self.exact(without_slash?));
        if exact.is_some() {
            return exact;
        }
        let whole = self.search(path, |pattern| pattern.matches_behind_head(path));
        let cut = without_slash
            .and_then(|path| self.search(path, |pattern| pattern.matches_behind_head(path)));
        let rule = match (whole, cut) {
            // Who denies the folder by a rule that is more exact means its list too.
            (Some((whole, _)), Some((cut, rule)))
                if rule.capabilities.has(Capabilities::DENY)
                    && cut.cmp_exactness(whole) == Ordering::Greater =>
            {
                rule
            }
            (Some((_, rule)), _) | (None, Some((_, rule))) => rule,
            (None, None) => return None,
        };
        Some(rule)
    }

    fn exact(&self, path: &str) -> Option<&Rule> {
        let at = self.exact.binary_search_by(|(own, _)| (**own).cmp(path)).ok()?;
        self.exact.get(at).map(|(_, rule)| rule)
    }

    /// The most exact of the rules that `matches` takes, of those whose head the path begins with.
    fn search(&self, path: &str, matches: impl Fn(&Pattern) -> bool) -> Option<&(Pattern, Rule)> {
        // The last head that is not behind the path begins with every head that the path begins with.
        let behind = self.heads.partition_point(|head| *head.text <= *path);
        let mut next = behind.checked_sub(1);
        let last = self.heads.get(next?)?.text.as_bytes();
        let shared =
            last.iter().zip(path.as_bytes()).take_while(|(own, other)| own == other).count();
        while let Some(head) = next.and_then(|at| self.heads.get(at)) {
            if head.text.len() <= shared
                && let Some(found) = head.patterns.iter().find(|(pattern, _)| matches(pattern))
            {
                return Some(found);
            }
            next = head.parent;
        }
        None
    }
}

/// The path of a stanza behind that of its namespace, and when it will be another; `None` if there is none
/// now.
fn path_of(stanza: &Stanza, values: &Values<'_>) -> Option<(String, Option<Time>)> {
    if !stanza.is_template {
        return Some(([values.namespace, &stanza.path].concat(), None));
    }
    let (path, until) = values.fill(&stanza.path)?;
    // Values may make a path that no policy could have.
    (!path.contains("+*")).then(|| ([values.namespace, &path].concat(), until))
}

impl Rule {
    fn merge(&mut self, stanza: &Stanza) {
        self.capabilities = self.capabilities.and(stanza.capabilities);
        if self.capabilities.has(Capabilities::DENY) {
            self.terms = None;
            return;
        }
        match (&mut self.terms, &stanza.terms) {
            (Some(own), Some(other)) => Arc::make_mut(own).merge(other),
            (own @ None, Some(other)) => *own = Some(Arc::clone(other)),
            (_, None) => {}
        }
    }

    /// The object of a resultant ACL.
    fn show(&self) -> String {
        let terms = self.terms.as_deref();
        let show = |before: bool, object| match terms {
            Some(terms) => terms.show(before, object),
            None => object,
        };
        let object = show(true, Object::new());
        show(false, object.strings("capabilities", self.capabilities.resultant_words())).finish()
    }

    /// Memory behind it. Terms may be shared with a policy, and are counted with both.
    fn bytes(&self) -> usize {
        self.terms.as_ref().map_or(0, |terms| terms.bytes())
    }
}

impl Head {
    fn group(mut patterns: Vec<(Pattern, Rule)>) -> Vec<Self> {
        patterns.sort_by(|(one, _), (other, _)| {
            one.head().cmp(other.head()).then_with(|| other.cmp_exactness(one))
        });
        let mut heads: Vec<Self> = Vec::new();
        // Where the heads stand that the current one begins with.
        let mut open: Vec<usize> = Vec::new();
        for (pattern, rule) in patterns {
            if let Some(head) = heads.last_mut()
                && *head.text == *pattern.head()
            {
                head.patterns.push((pattern, rule));
                continue;
            }
            let text: Box<str> = pattern.head().into();
            let begins =
                |at: &usize| heads.get(*at).is_some_and(|own| text.starts_with(&*own.text));
            while open.last().is_some_and(|at| !begins(at)) {
                open.pop();
            }
            let parent = open.last().copied();
            open.push(heads.len());
            heads.push(Self { text, parent, patterns: alloc::vec![(pattern, rule)] });
        }
        heads
    }
}
