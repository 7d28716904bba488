//! Tables of what was measured, in Markdown.

use std::fmt;

/// A table: a head, and rows whose first cell says what was measured.
#[derive(Debug)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table of these columns.
    pub(super) fn new(head: Vec<String>) -> Self {
        Self { head, rows: Vec::new() }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, name: &str, cells: Vec<String>) {
        self.rows.push(std::iter::once(name.to_owned()).chain(cells).collect());
    }

    /// Puts a table of the same rows to the right of this one.
    pub(super) fn join(&mut self, other: Self) {
        self.head.extend(other.head.into_iter().skip(1));
        for (row, more) in self.rows.iter_mut().zip(other.rows) {
            row.extend(more.into_iter().skip(1));
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {} |", self.head.join(" | "))?;
        writeln!(f, "|{}", "---|".repeat(self.head.len()))?;
        self.rows.iter().try_for_each(|row| writeln!(f, "| {} |", row.join(" | ")))
    }
}

/// A number with its thousands apart.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_columns_of_the_same_rows() {
        let column = |head: &str, cell: &str| {
            let mut table = Table::new(vec!["of".into(), head.into()]);
            table.row("a", vec![cell.into()]);
            table
        };
        let mut table = column("x", "1");
        table.join(column("y", "2"));
        assert_eq!(table.to_string(), "| of | x | y |\n|---|---|---|\n| a | 1 | 2 |\n");
    }

    #[test]
    fn writes_numbers_as_people_do() {
        let numbers = [0, 999, 1_000, 123_456, 1_000_000].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "123,456", "1,000,000"]);
    }
}
