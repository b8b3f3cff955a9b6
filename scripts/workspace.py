# SPDX-License-Identifier: GPL-2.0
"""The git workspace build/linux and the patches it is made of.

The workspace is the unpatched source, tagged "base", and one commit for each
patch of patches/series. Commits are made through a private index, so that the
files of the workspace change only where the result differs: an update costs no
needless rebuild, and a patch that fails leaves nothing behind.

A commit knows its heading in the series by a trailer, "Theme: words", which
exists in the workspace only.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.append(TOP + '/vm/lib')

import verbose  # noqa: E402

THEME = re.compile(r'^Theme: *(.*\S) *$')
# What a commit holds besides its message must not depend on who applies it.
IDENTITY = {
    'GIT_AUTHOR_NAME': 'linux-asi', 'GIT_AUTHOR_EMAIL': 'linux-asi@localhost',
    'GIT_AUTHOR_DATE': '2000-01-01T00:00:00Z',
    'GIT_COMMITTER_NAME': 'linux-asi',
    'GIT_COMMITTER_EMAIL': 'linux-asi@localhost',
    'GIT_COMMITTER_DATE': '2000-01-01T00:00:00Z',
}
SERIES_HEAD = """\
# SPDX-License-Identifier: GPL-2.0
# Changes to files that Linux already has, in the order in which they apply.
# Written by scripts/export: edit the commits in build/linux, not this file.
"""


class Trouble(Exception):
    """Something the user has to hear about in one line."""


class PatchTrouble(Trouble):
    """A patch that does not apply; .patch is its name."""

    def __init__(self, patch, detail):
        super().__init__(f'{patch} does not apply: {detail}')
        self.patch = patch


def fail(trouble):
    """Print trouble in one line and stop."""
    print(f'{os.path.basename(sys.argv[0])}: {trouble}', file=sys.stderr)
    sys.exit(1)


class Patch:
    """One change: heading in the series, message, diff."""

    def __init__(self, theme, subject, body, diff, name=None):
        self.theme = theme
        self.subject = subject
        self.body = body
        self.diff = diff
        self.name = name

    @classmethod
    def parse(cls, theme, name, text):
        """Read a patch file as scripts/export writes it."""
        head, sep, diff = text.partition('\ndiff --git ')
        if not sep:
            raise Trouble(f'{name}: no "diff --git" line')
        lines = head.split('\n')
        if not lines[0].startswith('Subject: '):
            raise Trouble(f'{name}: the first line is not "Subject: ..."')
        if '---' not in lines:
            raise Trouble(f'{name}: no "---" line between message and diff')
        body = '\n'.join(lines[1:lines.index('---')]).strip('\n')
        return cls(theme, lines[0][len('Subject: '):].strip(), body,
                   'diff --git ' + diff, name)

    def format(self):
        """The text of the patch file."""
        body = self.body + '\n\n' if self.body else ''
        return f'Subject: {self.subject}\n\n{body}---\n{self.diff}'

    def message(self):
        """The text of the commit."""
        parts = [self.subject, self.body]
        if self.theme:
            parts.append(f'Theme: {self.theme}')
        return '\n\n'.join(p for p in parts if p) + '\n'

    def slug(self):
        """The subject as part of a file name, not longer than whole words allow."""
        slug = re.sub(r'[^a-z0-9]+', '-', self.subject.lower()).strip('-')
        return slug if len(slug) <= 60 else slug[:61].rpartition('-')[0] or slug[:60]


def read_series(directory):
    """Return the patches that directory/series lists, parsed."""
    path = os.path.join(directory, 'series')
    if not os.path.exists(path):
        return []
    patches = []
    theme = comment = ''
    with open(path, encoding='utf-8') as series:
        for line in series:
            line = line.strip()
            if line.startswith('#'):
                comment = line.lstrip('# ')
                continue
            if line:
                theme = comment or theme
                file = os.path.join(directory, line)
                if not os.path.exists(file):
                    raise Trouble(f'patches/series lists {line}, which does not exist')
                with open(file, encoding='utf-8') as text:
                    patches.append(Patch.parse(theme, line, text.read()))
            comment = ''
    return patches


def render(patches):
    """Return {file name: text} of the directory that holds these patches."""
    files = {}
    series = SERIES_HEAD
    theme = None
    for number, patch in enumerate(patches, 1):
        name = f'{number:04d}-{patch.slug()}.patch'
        files[name] = patch.format()
        patch_theme = patch.theme or theme or ''
        if patch_theme != theme:
            series += '\n' + (f'# {patch_theme}\n' if patch_theme else '')
        theme = patch_theme
        series += name + '\n'
    files['series'] = series
    return files


def directory_files(directory):
    """Return {file name: text} of series and patches in a directory."""
    files = {}
    if os.path.isdir(directory):
        for name in sorted(os.listdir(directory)):
            if name == 'series' or name.endswith('.patch'):
                with open(os.path.join(directory, name), encoding='utf-8') as text:
                    files[name] = text.read()
    return files


def fingerprint(directory):
    """A hash over the patches in a directory; a missing one is an empty one."""
    digest = hashlib.sha256()
    for name, text in directory_files(directory).items():
        digest.update(f'{name}\0{text}\0'.encode())
    return digest.hexdigest()


class Workspace:
    """The repository at path."""

    def __init__(self, path):
        self.path = os.path.abspath(path)

    def git(self, *args, stdin=None, env=None, check=True):
        """Run git in the workspace, free of the user's configuration; return
        its standard output, or, without check, the finished process."""
        environ = dict(os.environ, GIT_CONFIG_GLOBAL='/dev/null',
                       GIT_CONFIG_SYSTEM='/dev/null', LC_ALL='C', **(env or {}))
        for name in ('GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE'):
            if not env or name not in env:
                environ.pop(name, None)
        command = ['git', '-C', self.path, '-c', 'gc.auto=0', '-c', 'safe.directory=*', *args]
        verbose.show(command)
        done = subprocess.run(command, input=stdin, env=environ, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              encoding='utf-8', errors='surrogateescape')
        if not check:
            return done
        if done.returncode:
            raise Trouble(f'git {args[0]}: {done.stderr.strip().splitlines()[-1:]}')
        return done.stdout

    def rev(self, name):
        """The commit that name stands for, or None."""
        # Git would look for a repository in the directories above.
        if not os.path.isdir(os.path.join(self.path, '.git')):
            return None
        done = self.git('rev-parse', '--verify', '-q', name + '^{commit}', check=False)
        return done.stdout.strip() or None

    def head(self):
        """The commit the workspace is at."""
        return self.rev('HEAD')

    def tree(self, commit):
        """The tree of a commit."""
        return self.git('rev-parse', commit + '^{tree}').strip()

    def dirty(self):
        """Paths that are neither committed nor links into the overlay."""
        status = self.git('status', '--porcelain', '-z').split('\0')
        return [entry[3:] for entry in status if len(entry) > 3]

    def busy(self):
        """True in the middle of a rebase, merge or cherry-pick."""
        names = ('rebase-merge', 'rebase-apply', 'MERGE_HEAD', 'CHERRY_PICK_HEAD')
        return any(os.path.exists(os.path.join(self.path, '.git', n)) for n in names)

    def private_index(self, commit):
        """A context with an index of its own, holding the tree of commit."""
        return PrivateIndex(self, commit)

    def diff(self, commit):
        """The change a commit makes, without hashes."""
        text = self.git('diff-tree', '-p', '--no-renames', '--no-color', '--no-ext-diff',
                        '--no-textconv', '--diff-algorithm=histogram', '--indent-heuristic',
                        '-U3', '--src-prefix=a/', '--dst-prefix=b/',
                        commit + '^', commit)
        return re.sub(r'(?m)^index [0-9a-f]+\.\.[0-9a-f]+( \d+)?\n', '', text)

    def commits(self, upto='HEAD'):
        """The commits from base to upto, oldest first."""
        return self.git('rev-list', '--reverse', '--topo-order', f'base..{upto}').split()

    def patch_of(self, commit):
        """A commit as a Patch."""
        message = self.git('show', '-s', '--format=%B', commit).strip('\n')
        subject, _, body = message.partition('\n')
        theme = ''
        lines = []
        for line in body.split('\n'):
            match = THEME.match(line)
            if match:
                theme = match.group(1)
            else:
                lines.append(line.rstrip())
        return Patch(theme, subject, '\n'.join(lines).strip('\n'), self.diff(commit))

    def apply(self, patches):
        """Commit patches on top of base; return the last commit. No reference
        and no file changes. Context has to match exactly: no fuzz."""
        commit = self.rev('base')
        with self.private_index(commit) as index:
            for patch in patches:
                done = index.git('apply', '--cached', '--whitespace=nowarn', '-',
                                 stdin=patch.diff, check=False)
                if done.returncode:
                    errors = [line for line in done.stderr.splitlines()
                              if line.startswith('error: ')]
                    raise PatchTrouble(patch.name, errors[0][7:] if errors else 'unknown')
                commit = index.commit(commit, patch.message())
        return commit

    def move_to(self, commit):
        """Make commit the head; only files that differ are written."""
        self.git('reset', '-q', '--keep', commit)

    # What the workspace was last in step with: the head, and the patches.

    def _state_path(self):
        return os.path.join(self.path, '.git', 'asi-state')

    def save_state(self, directory):
        """Remember that the head and the patches in directory are in step."""
        path = self._state_path()
        with open(path + '.new', 'w', encoding='utf-8') as out:
            out.write(f'{self.head()} {fingerprint(directory)}\n')
        os.rename(path + '.new', path)

    def load_state(self):
        """Return (head, fingerprint); a workspace without a record was in step
        with no patches at all when it was made."""
        try:
            with open(self._state_path(), encoding='utf-8') as state:
                head, print_ = state.read().split()
                return head, print_
        except (OSError, ValueError):
            return self.rev('base'), fingerprint('/nonexistent')


class PrivateIndex:
    """An index that nobody else sees; see Workspace.private_index()."""

    def __init__(self, workspace, commit):
        self.workspace = workspace
        self.start = commit
        self.dir = None

    def __enter__(self):
        self.dir = tempfile.TemporaryDirectory()
        self.git('read-tree', self.start)
        return self

    def __exit__(self, *_):
        self.dir.cleanup()

    def git(self, *args, **kwargs):
        """Run git on this index."""
        env = dict(IDENTITY, GIT_INDEX_FILE=os.path.join(self.dir.name, 'index'))
        return self.workspace.git(*args, env=env, **kwargs)

    def commit(self, parent, message):
        """Commit the index; return the commit."""
        tree = self.git('write-tree').strip()
        return self.git('commit-tree', tree, '-p', parent, '-F', '-', stdin=message).strip()
