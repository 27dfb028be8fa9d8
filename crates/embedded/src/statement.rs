//! Which of three ways a statement goes, and where its clauses are.
//!
//! libchdb is a client and a server in one; ClickHouse's HTTP interface is not a client. So this file
//! also refuses what only a client may do: several statements at once, and files of this machine.
//! It does not decide whether a statement is right: the engine's parser does.

mod tokens;

use crate::exception::{Code, Exception};
use tokens::{Kind, Token, Tokens};

/// A statement, seen from outside.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    /// There is nothing but space and comments.
    Empty,
    /// An INSERT whose data follow its text.
    Insert(Insert),
    /// A SELECT, with or without WITH and UNION. Its result may be of any size.
    Select(Select),
    /// Anything else. Its result is small.
    Other(Other),
}

/// `INSERT INTO t (a, b) SETTINGS … FORMAT X data`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Insert {
    /// The text up to here names table, columns and settings.
    pub(crate) head_end: usize,
    /// The format of the data: what FORMAT says, or `Values`.
    pub(crate) format: String,
    /// There is a SETTINGS clause already.
    pub(crate) has_settings: bool,
    /// Where the data start.
    pub(crate) data_start: usize,
}

/// `SELECT … [FORMAT X [SETTINGS …]]`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Select {
    /// Where INTO OUTFILE may go: before FORMAT or at the end.
    pub(crate) output_clause: usize,
    /// The format that the statement names, and what follows its FORMAT clause.
    pub(crate) format: Option<(String, usize)>,
    /// The end of the statement, without a semicolon.
    pub(crate) end: usize,
}

/// A statement that is run as it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Other {
    /// The format that the statement names.
    pub(crate) format: Option<String>,
    /// It cannot change settings, database or temporary tables of its connection.
    pub(crate) leaves_connection_alone: bool,
}

/// First words of statements that leave their connection as it was.
const LEAVE_CONNECTION_ALONE: [&str; 14] = [
    "INSERT", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK", "OPTIMIZE", "ALTER", "TRUNCATE",
    "RENAME", "CREATE", "DROP", "SYSTEM",
];

/// A client ends its session at these words, and libchdb then reports success.
const END_SESSION: [&str; 7] = ["EXIT", "QUIT", "LOGOUT", "Q", "УЧШЕ", "ЙГШЕ", "ДЩПЩГЕ"];

/// Words after which an expression or a name must follow, so that FORMAT there is a name.
const BEFORE_OPERAND: [&str; 36] = [
    "SELECT",
    "DISTINCT",
    "FROM",
    "JOIN",
    "ON",
    "USING",
    "PREWHERE",
    "WHERE",
    "BY",
    "HAVING",
    "QUALIFY",
    "LIMIT",
    "OFFSET",
    "UNION",
    "ALL",
    "EXCEPT",
    "INTERSECT",
    "AS",
    "WITH",
    "AND",
    "OR",
    "NOT",
    "IN",
    "LIKE",
    "ILIKE",
    "BETWEEN",
    "IS",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "INTERVAL",
    "ARRAY",
    "SETTINGS",
    "TABLE",
    "INTO",
];

impl Statement {
    /// Looks at a statement. `text` may be the beginning of something longer only if that is the data
    /// of an INSERT.
    pub(crate) fn of(text: &str) -> Result<Self, Exception> {
        let mut tokens = Tokens::of(text);
        let Some(first) = tokens.next() else { return Ok(Self::Empty) };
        if first.is("INSERT")
            && let Some(insert) = Insert::of(text)?
        {
            return Ok(Self::Insert(insert));
        }
        let tokens: Vec<Token<'_>> = Tokens::of(text).collect();
        let tokens = without_semicolon(&tokens)?;
        let Some(last) = tokens.last() else { return Ok(Self::Empty) };
        if tokens.len() == 1 && first.is_any(&END_SESSION) {
            return Err(Exception::new(
                Code::Syntax,
                format!("Syntax error: failed at position 1 ({})", first.text),
            ));
        }
        for pair in tokens.windows(2) {
            refuse_files(&pair[0], &pair[1])?;
        }
        let inserts = tokens.iter().any(|token| token.depth == 0 && token.is("INSERT"));
        let reads_input =
            tokens.windows(2).any(|pair| pair[0].is("input") && pair[1].kind == Kind::Mark(b'('));
        if inserts && reads_input {
            return Err(Exception::new(
                Code::NotImplemented,
                "INSERT … SELECT FROM input() is not supported by the embedded database; \
                 insert into a temporary table and select from that",
            ));
        }
        let format = format_clause(tokens);
        let is_select = first.is_any(&["SELECT", "WITH", "FROM"]) || first.kind == Kind::Mark(b'(');
        if is_select && !inserts {
            let output_clause = format.as_ref().map_or(last.end, |clause| clause.start);
            let format = format.map(|clause| (clause.name, clause.end));
            return Ok(Self::Select(Select { output_clause, format, end: last.end }));
        }
        let is_temporary = tokens.iter().any(|token| token.is_any(&["TEMPORARY", "TEMP"]));
        Ok(Self::Other(Other {
            format: format.map(|clause| clause.name),
            leaves_connection_alone: first.is_any(&LEAVE_CONNECTION_ALONE) && !is_temporary,
        }))
    }
}

impl Insert {
    /// None if it takes its rows from a SELECT, or is not one that we understand: the engine will say.
    fn of(text: &str) -> Result<Option<Self>, Exception> {
        let mut tokens = Tokens::of(text).skip(1).peekable();
        tokens.next_if(|token| token.is("INTO"));
        tokens.next_if(|token| token.is("TABLE"));
        if tokens.next_if(|token| token.is("FUNCTION")).is_some() {
            // The arguments follow, in brackets.
            if !tokens.next().is_some_and(|token| token.is_name()) {
                return Ok(None);
            }
        } else {
            loop {
                if !tokens.next().is_some_and(|token| token.is_name() || token.kind == Kind::Mark(b'{')) {
                    return Ok(None);
                }
                if tokens.next_if(|token| token.kind == Kind::Mark(b'.')).is_none() {
                    break;
                }
            }
        }
        let mut has_settings = false;
        while let Some(token) = tokens.next() {
            if token.depth > 0 {
                continue;
            }
            if token.is_any(&["SELECT", "WITH", "EXPLAIN", "WATCH"]) || token.kind == Kind::Mark(b';') {
                return Ok(None);
            }
            has_settings |= token.is("SETTINGS");
            if token.is("FROM") {
                if let Some(next) = tokens.peek() {
                    refuse_files(&token, next)?;
                }
                return Ok(None);
            }
            if token.is("VALUES") {
                let (head_end, data_start) = (token.start, token.end);
                return Ok(Some(Self { head_end, format: "Values".into(), has_settings, data_start }));
            }
            if token.is("FORMAT") {
                let Some(name) = tokens.next().filter(Token::is_name) else { return Ok(None) };
                let format = unquoted(name.text);
                let data_start = data_start(text, name.end);
                return Ok(Some(Self { head_end: token.start, format, has_settings, data_start }));
            }
        }
        Ok(None)
    }
}

/// Data start after the first line break behind the format's name, or else after the spaces.
fn data_start(text: &str, name_end: usize) -> usize {
    let rest = &text[name_end..];
    let spaces = rest.len() - rest.trim_start_matches([' ', '\t', '\x0c']).len();
    let rest = &rest[spaces..];
    let line_break = if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
    name_end + spaces + line_break
}

struct FormatClause {
    start: usize,
    name: String,
    end: usize,
}

/// The FORMAT clause at the end of a statement: `FORMAT name` after a complete expression, with nothing
/// or a SETTINGS clause behind it.
fn format_clause(tokens: &[Token<'_>]) -> Option<FormatClause> {
    let index = tokens.windows(2).rposition(|pair| {
        pair[0].depth == 0
            && pair[0].is("FORMAT")
            && pair[1].is_name()
            && !pair[1].is_any(&["ASC", "DESC", "FINAL"])
    })?;
    let (before, name, after) = (tokens[..index].last()?, tokens[index + 1], tokens.get(index + 2));
    let ends_expression = match before.kind {
        Kind::Word => !before.is_any(&BEFORE_OPERAND),
        Kind::QuotedName | Kind::Literal => true,
        Kind::Mark(mark) => matches!(mark, b')' | b']' | b'}' | b'*'),
    };
    if ends_expression && after.is_none_or(|token| token.is("SETTINGS")) {
        Some(FormatClause { start: tokens[index].start, name: unquoted(name.text), end: name.end })
    } else {
        None
    }
}

/// The one statement of the text; more than one are refused as ClickHouse's HTTP interface does.
fn without_semicolon<'t, 'a>(tokens: &'t [Token<'a>]) -> Result<&'t [Token<'a>], Exception> {
    let semicolon = |token: &Token<'_>| token.kind == Kind::Mark(b';');
    let Some(end) = tokens.iter().position(semicolon) else { return Ok(tokens) };
    if tokens[end..].iter().all(semicolon) {
        Ok(&tokens[..end])
    } else {
        Err(Exception::new(Code::Syntax, "Syntax error (Multi-statements are not allowed)"))
    }
}

/// A client reads and writes files of its machine; over HTTP the machine is not the client's.
fn refuse_files(token: &Token<'_>, next: &Token<'_>) -> Result<(), Exception> {
    let clause = if token.is("INTO") && next.is("OUTFILE") {
        "INTO OUTFILE"
    } else if token.is("FROM") && next.is("INFILE") {
        "FROM INFILE"
    } else {
        return Ok(());
    };
    Err(Exception::new(Code::NotImplemented, format!("{clause} is not allowed over HTTP")))
}

fn unquoted(name: &str) -> String {
    name.trim_matches(['`', '"']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Head, format and data of an INSERT.
    fn check_insert(text: &str, expected: Option<(&str, &str, &str)>) {
        let found = match Statement::of(text) {
            Ok(Statement::Insert(insert)) => Some((
                text[..insert.head_end].trim_end().to_owned(),
                insert.format,
                text[insert.data_start..].to_owned(),
            )),
            Ok(Statement::Empty | Statement::Select(_) | Statement::Other(_)) | Err(_) => None,
        };
        let expected =
            expected.map(|(head, format, data)| (head.to_owned(), format.to_owned(), data.to_owned()));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn the_data_of_an_insert_start_where_clickhouse_says() {
        check_insert("INSERT INTO t FORMAT CSV\n1,2\n", Some(("INSERT INTO t", "CSV", "1,2\n")));
        check_insert("INSERT INTO t FORMAT CSV  \r\n\n1", Some(("INSERT INTO t", "CSV", "\n1")));
        check_insert("INSERT INTO t FORMAT CSV 1,2", Some(("INSERT INTO t", "CSV", "1,2")));
        check_insert(
            "insert into d.t(a,b) format RowBinary",
            Some(("insert into d.t(a,b)", "RowBinary", "")),
        );
        check_insert("INSERT INTO t VALUES (1);", Some(("INSERT INTO t", "Values", " (1);")));
        check_insert("INSERT INTO t (a) VALUES\n(';')", Some(("INSERT INTO t (a)", "Values", "\n(';')")));
        check_insert(
            "/* x */ INSERT INTO TABLE `a.b`.`c` FORMAT Native\n\n",
            Some(("/* x */ INSERT INTO TABLE `a.b`.`c`", "Native", "\n")),
        );
        check_insert(
            "INSERT INTO FUNCTION null('a Int') VALUES (1)",
            Some(("INSERT INTO FUNCTION null('a Int')", "Values", " (1)")),
        );
    }

    #[test]
    fn a_table_may_be_called_values_or_format() {
        check_insert("INSERT INTO format FORMAT CSV\n1", Some(("INSERT INTO format", "CSV", "1")));
        check_insert(
            "INSERT INTO d.values (format) VALUES (1)",
            Some(("INSERT INTO d.values (format)", "Values", " (1)")),
        );
    }

    #[test]
    fn an_insert_from_a_select_carries_no_data() {
        check_insert("INSERT INTO t SELECT 1 FORMAT CSV", None);
        check_insert("INSERT INTO t (a) WITH 1 AS x SELECT x", None);
        check_insert("INSERT INTO t", None);
        assert!(matches!(
            Statement::of("INSERT INTO t SELECT 1"),
            Ok(Statement::Other(Other { leaves_connection_alone: true, .. }))
        ));
    }

    #[test]
    fn a_settings_clause_is_noticed() {
        let Ok(Statement::Insert(insert)) = Statement::of("INSERT INTO t SETTINGS a = 1 FORMAT CSV\n") else {
            panic!("it is an insert")
        };
        assert!(insert.has_settings);
    }

    /// What is before the place of INTO OUTFILE, and the format.
    fn check_select(text: &str, before: &str, format: Option<&str>) {
        let Ok(Statement::Select(select)) = Statement::of(text) else { panic!("{text} is a select") };
        assert_eq!(text[..select.output_clause].trim_end(), before, "{text}");
        assert_eq!(select.format.map(|(name, _)| name).as_deref(), format, "{text}");
    }

    #[test]
    fn the_format_clause_is_found_at_the_end_only() {
        check_select("SELECT 1", "SELECT 1", None);
        check_select("FROM t SELECT a FORMAT CSV", "FROM t SELECT a", Some("CSV"));
        check_select("SELECT 1 ; -- done", "SELECT 1", None);
        check_select("SELECT 1 FORMAT JSON;", "SELECT 1", Some("JSON"));
        check_select("SELECT a FROM t FORMAT JSON SETTINGS x = 1", "SELECT a FROM t", Some("JSON"));
        check_select(
            "SELECT a FROM t SETTINGS x = 1 FORMAT JSON",
            "SELECT a FROM t SETTINGS x = 1",
            Some("JSON"),
        );
        check_select(
            "(SELECT 1) UNION ALL (SELECT 2)\nFORMAT Native",
            "(SELECT 1) UNION ALL (SELECT 2)",
            Some("Native"),
        );
        check_select("WITH 1 AS a SELECT *\n FORMAT RowBinary", "WITH 1 AS a SELECT *", Some("RowBinary"));
    }

    #[test]
    fn a_column_may_be_called_format() {
        for text in [
            "SELECT format FROM t",
            "SELECT a FROM t ORDER BY format DESC",
            "SELECT a, format b",
            "SELECT format('{}', a)",
            "SELECT a FROM format f",
            "SELECT a FROM (SELECT 1 FORMAT b)",
        ] {
            check_select(text, text, None);
        }
    }

    fn check_refused(text: &str, code: i32) {
        let error = Statement::of(text).expect_err(text);
        assert_eq!(error.code, code, "{text}");
    }

    #[test]
    fn what_only_a_client_may_do_is_refused() {
        check_refused("SELECT 1; SELECT 2", 62);
        check_refused("SELECT 1; DROP TABLE t", 62);
        check_refused("exit;", 62);
        check_refused("SELECT 1 INTO OUTFILE '/tmp/x'", 48);
        check_refused("SHOW TABLES INTO OUTFILE '/tmp/x'", 48);
        check_refused("INSERT INTO t FROM INFILE '/etc/passwd' FORMAT LineAsString", 48);
        check_refused("INSERT INTO t SELECT * FROM input('a Int8') FORMAT CSV 1", 48);
    }

    #[test]
    fn a_statement_that_may_change_its_connection_is_known() {
        for (text, alone) in [
            ("SET max_threads = 1", false),
            ("USE x", false),
            ("CREATE TEMPORARY TABLE x (a Int8)", false),
            ("CREATE TABLE x (a Int8) ENGINE = Null", true),
            ("SYSTEM FLUSH LOGS", true),
            ("GRANT x TO y", false),
            ("WITH 1 AS a INSERT INTO t SELECT a", false),
        ] {
            let Ok(Statement::Other(other)) = Statement::of(text) else {
                panic!("{text} is another statement")
            };
            assert_eq!(other.leaves_connection_alone, alone, "{text}");
        }
        assert_eq!(Statement::of(" -- nothing\n"), Ok(Statement::Empty));
        assert_eq!(Statement::of(" ;"), Ok(Statement::Empty));
    }
}
