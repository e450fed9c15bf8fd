"""Adds the pages outside of docs/ to the site: README, benchmarks, manifests.

They are written to be read in the repository. Every relative link is therefore resolved
in the repository first and then rewritten to the page's place on the site. A link to a
file that the repository lacks stays as it is, and fails the strict build.
"""

import pathlib
import posixpath
import re
import urllib.parse

from mkdocs.structure.files import File

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
PAGES = ["CHANGELOG.md", "README.md", "kubeflow/README.md"]
# Of Markdown, and of the HTML of a picture for both modes.
LINK = re.compile(
    r"""(?:(?<=\]\()|(?<=src=")|(?<=srcset="))(?!https?:|mailto:|#)([^)#\s"]+)"""
)


def on_files(files, config):
    """Adds the pages, and every file of the repository that a page links to."""
    results = sorted(REPOSITORY.glob("benchmarks/results/*.md"))
    pages = [*PAGES, *(path.relative_to(REPOSITORY).as_posix() for path in results)]
    for page in pages:
        files.append(_file(page, config))
    for page in list(files.documentation_pages()):
        for link in LINK.findall(page.content_string):
            target = _in_repository(page, link)
            if (REPOSITORY / target).is_file() and _on_site(
                target
            ) not in files.src_uris:
                files.append(_file(target, config))
    return files


def on_page_markdown(markdown, page, config, files):
    """Returns the page's text with its links rewritten for the site."""
    folder = posixpath.dirname(page.file.src_uri)

    def rewritten(match):
        place = _on_site(_in_repository(page.file, match[0]))
        if place not in files.src_uris:
            return match[0]
        return posixpath.relpath(place, folder or ".")

    return LINK.sub(rewritten, markdown)


def _file(target, config):
    """A file of the repository as a file of the site."""
    path = str(REPOSITORY / target)
    return File.generated(config, _on_site(target), abs_src_path=path)


def _in_repository(file, link):
    """The path in the repository that a link of a page means."""
    page = pathlib.Path(file.abs_src_path).relative_to(REPOSITORY)
    target = posixpath.join(page.parent.as_posix(), urllib.parse.unquote(link))
    target = posixpath.normpath(target)
    readme = posixpath.join(target, "README.md")
    return readme if (REPOSITORY / readme).is_file() else target


def _on_site(target):
    """The place on the site of a file of the repository."""
    return "index.md" if target == "README.md" else target.removeprefix("docs/")
