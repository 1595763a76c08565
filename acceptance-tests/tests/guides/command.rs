//! The commands of a block of shell, as lists of words.

/// Every command that the block runs, in its order. Assignments before a command and redirections are left out; what
/// stands in a here-document is data.
pub(crate) fn commands(block: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut document: Option<String> = None;
    for line in joined(block) {
        if let Some(end) = &document {
            if line.trim() == end {
                document = None;
            }
            continue;
        }
        document = line
            .split_once("<<")
            .map(|(_, end)| end.trim_start_matches('-').trim_matches(['\'', '"', ' ']).to_owned());
        found.extend(split(&line).into_iter().filter_map(|words| command(&words)));
    }
    found
}

/// The lines, with those that end in a backslash joined to the next.
fn joined(block: &str) -> Vec<String> {
    block.replace("\\\n", " ").lines().map(str::to_owned).collect()
}

/// The words of each simple command in a line. Quotes hold a word together; a comment ends the line.
fn split(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word = String::new();
    let mut quote = None;
    for letter in line.chars().chain([' ']) {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, '#') if word.is_empty() => break,
            (None, '|' | ';' | '&' | '(' | ')') => {
                finish(&mut word, &mut commands);
                commands.push(Vec::new());
            }
            (None, _) if letter.is_whitespace() => finish(&mut word, &mut commands),
            _ => word.push(letter),
        }
    }
    commands
}

fn finish(word: &mut String, commands: &mut [Vec<String>]) {
    if let Some(last) = commands.last_mut().filter(|_| !word.is_empty()) {
        last.push(std::mem::take(word));
    }
}

/// The command without what only tells the shell something; none when nothing is left.
fn command(words: &[String]) -> Option<Vec<String>> {
    let is_assignment = |word: &&String| word.split_once('=').is_some_and(|(name, _)| is_name(name));
    let words = words.iter().skip_while(is_assignment);
    let words = words.take_while(|word| !word.starts_with(['<', '>'])).cloned();
    let words: Vec<_> = words.collect();
    (!words.is_empty()).then_some(words)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_' || letter.is_ascii_digit())
}

#[test]
fn a_line_is_split_where_the_shell_splits_it() {
    let told = commands("A=1 make docs && sandbox --name 'a b' up | cat   # and so on\n");
    assert_eq!(told, [vec!["make", "docs"], vec!["sandbox", "--name", "a b", "up"], vec!["cat"]]);
}

#[test]
fn a_here_document_is_data() {
    let told = commands("vault policy write x - <<END\npath x\nEND\nmake test >log\n");
    assert_eq!(told, [vec!["vault", "policy", "write", "x", "-"], vec!["make", "test"]]);
}
