"""The front door of the course: makes the environment, then hands over to tools/<command>.py.

    python course.py lab [NN]          study: opens JupyterLab on your own copy of a chapter
    python course.py play [NN]         the playgrounds alone, as pages, for a projector
    python course.py test              run every test
    python course.py doctor            say what is set up and what is missing

Standard library only, and readable by old Pythons, so that they can be told what is needed.
"""

import hashlib
import os
import platform
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
NEEDED = (3, 11)
TRIAL = "import torch, numpy, matplotlib, ipywidgets"     # what must load after set-up
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
LEARN, DEVELOP, COLAB = "requirements.txt", "requirements-dev.txt", "requirements-colab.txt"
SITE, PLAY = "requirements-site.txt", "requirements-play.txt"
# Files that a requirements file takes along: what is installed, and stamped, with it.
WITH = {PLAY: [LEARN, PLAY], DEVELOP: [LEARN, SITE, PLAY, DEVELOP]}

# command: (what it needs, what it does)
COMMANDS = {
    "lab": (LEARN, "[NN] [--fresh NN] [--no-browser] [--port N]   study in JupyterLab"),
    "play": (PLAY, "[NN ...] [--no-browser] [--port N]   the playgrounds alone, for a projector"),
    "test": (DEVELOP, "[--stack colab] [--only PART] [-- pytest arguments]   run the tests"),
    "notebooks": (DEVELOP, "[NN ...] [--from DRAFT.py]   execute chapters and store them"),
    "text": (DEVELOP, "NN   print a chapter as text, without outputs"),
    "ledger": (DEVELOP, "write CLAIMS.md from the executed chapters"),
    "bench": (DEVELOP, "[NAME ...] [--quick]   time it against what one would pick instead"),
    "seeds": (DEVELOP, "N [NN ...]   are all verdicts the same under COURSE_SEED 1 to N?"),
    "matrix": (DEVELOP, "[--only ROW] [--full]   other versions, folders, locales, threads"),
    "site": (DEVELOP, "[NN ...] [--serve]   make static pages of the course, build/site/html"),
    "check": (DEVELOP, "style of the code, form of the notebooks"),
    "doctor": (None, "say what is set up and what is missing"),
}
SETUP_OPTIONS = """\
While setting up, any command takes
  --cpu          take PyTorch's CPU packages (Linux without an NVIDIA GPU: far smaller)
  --wheels DIR   install from a folder of packages, without network"""


class Trouble(Exception):
    """What went wrong, in one line, and what to try next."""


def say(text):
    print("course: " + text)
    sys.stdout.flush()


def usage():
    lines = ["python course.py COMMAND", ""]
    lines += ["  {:<10} {}".format(name, COMMANDS[name][1]) for name in COMMANDS]
    return "\n".join(lines + ["", SETUP_OPTIONS])


# --- Can this Python make the environment? -------------------------------------------------

def require_python():
    wanted = ".".join(map(str, NEEDED))
    if sys.version_info < NEEDED:
        raise Trouble("this is Python {}, the course needs {} or newer. Get one from python.org "
                      "or your system, then run it by name, for example: python{} course.py lab"
                      .format(platform.python_version(), wanted, wanted))
    if sys.maxsize <= 2**32:
        raise Trouble("this Python is a 32-bit program, for which PyTorch has no packages. "
                      "Install the 64-bit Python from python.org and run that.")
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        raise Trouble("there is no current PyTorch for Intel Macs. On Apple silicon use the arm64 "
                      "Python; on an Intel Mac open the notebooks on Colab.")


def require_venv():
    """Debian and Ubuntu ship Python without the part that makes environments."""
    if not has_modules("venv", "ensurepip"):
        raise Trouble("this Python cannot make environments. On Debian or Ubuntu run: "
                      "sudo apt install python{}.{}-venv   (elsewhere: install Python from "
                      "python.org), then repeat the command.".format(*sys.version_info[:2]))


def has_modules(*names):
    try:
        for name in names:
            __import__(name)
    except ImportError:
        return False
    return True


# --- The environment -----------------------------------------------------------------------

def python_of(folder):
    windows = os.path.join(folder, "Scripts", "python.exe")
    return windows if os.name == "nt" else os.path.join(folder, "bin", "python")


def stamp_for(needs):
    """Changes when one of the requirements files that `needs` consists of changes."""
    digest = hashlib.sha256()
    for name in WITH.get(needs, [needs]):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def stamp_file(folder, needs):
    return os.path.join(folder, "course-" + needs)


def is_ready(folder, needs):
    """Whether set-up of `needs` came to its end and the environment's Python still runs."""
    try:
        with open(stamp_file(folder, needs)) as file:
            stamped = file.read()
    except OSError:
        return False
    return stamped == stamp_for(needs) and runs(folder)


def runs(folder):
    """Whether the environment's own Python starts (it does not after its base was removed)."""
    try:
        return subprocess.call([python_of(folder), "-c", "pass"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def environment_variables():
    kept = dict((k, v) for k, v in os.environ.items() if k not in ("PYTHONHOME", "PYTHONPATH"))
    kept.update(PYTHONUTF8="1", PYTHONNOUSERSITE="1", PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0",
                PIP_DISABLE_PIP_VERSION_CHECK="1", COURSE_CALLED_FROM=os.getcwd())
    return kept


def make_ready(folder, needs, cpu, wheels):
    """Make the environment, or bring it up to date. An interrupted try is started anew."""
    require_venv()
    unfinished = os.path.join(folder, "course-unfinished")
    if os.path.exists(folder) and (os.path.exists(unfinished) or not runs(folder)):
        say("an earlier set-up did not come to its end; starting anew")
        build(folder, ["--clear"])
    elif not os.path.exists(folder):
        say("making the environment {} (once)".format(os.path.basename(folder)))
        build(folder, [])
    open(unfinished, "w").close()
    install(folder, needs, cpu, wheels)
    for done in WITH.get(needs, [needs]):
        with open(stamp_file(folder, done), "w") as file:
            file.write(stamp_for(done))
    os.remove(unfinished)
    say("set-up complete")


def build(folder, options):
    code = run([sys.executable, "-m", "venv"] + options + [folder])
    if code != 0:
        raise Trouble("could not make {}. Close programs that use it (JupyterLab), delete that "
                      "folder, and repeat the command.".format(folder))


def install(folder, needs, cpu, wheels):
    say("installing {}; {}".format(needs, download_size(cpu, wheels)))
    # not compiled: what is imported compiles itself then, and most files never are
    command = [python_of(folder), "-m", "pip", "install", "--no-input", "--no-compile",
               "-r", os.path.join(ROOT, needs)]
    if wheels:
        command += ["--no-index", "--find-links", wheels]
    elif cpu:
        command += ["--extra-index-url", CPU_WHEELS]
    if run(command) != 0:
        raise Trouble("pip could not install everything; its last lines above say why. Usual "
                      "reasons: no network, a full disk. Then repeat the command; finished "
                      "downloads are kept.")
    say("trying the packages for the first time")
    if run([python_of(folder), "-c", TRIAL]) != 0:
        raise Trouble("the packages were installed but do not load; the last line above names "
                      "the one. On Windows, install Microsoft's Visual C++ Redistributable "
                      "(x64) and repeat the command.")


def download_size(cpu, wheels):
    if wheels:
        return "from the folder {}".format(wheels)
    cuda = sys.platform.startswith("linux") and platform.machine() == "x86_64" and not cpu
    if cuda:
        return ("up to 3 GB the first time, most of it for NVIDIA GPUs; without such a GPU stop "
                "(Ctrl-C) and add --cpu: 0.4 GB")
    return "about 0.4 GB the first time"


def run(command):
    """Run to its end, also when Ctrl-C is meant for the command; returns its exit status."""
    process = subprocess.Popen(command, cwd=ROOT, env=environment_variables())
    interrupted = 0
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            interrupted += 1
            if interrupted > 3:
                process.kill()
            continue
        if interrupted and code != 0:
            raise KeyboardInterrupt
        return code


# --- Commands ------------------------------------------------------------------------------

def take(arguments, name, has_value):
    """Take an option of the set-up out of `arguments`; returns (value, what is left)."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    mine, rest = arguments[:end], arguments[end:]
    if name not in mine:
        return None, arguments
    at = mine.index(name)
    if not has_value:
        return True, mine[:at] + mine[at + 1:] + rest
    if at + 1 == len(mine):
        raise Trouble("{} needs a value, for example: python course.py lab {} DIR"
                      .format(name, name))
    return mine[at + 1], mine[:at] + mine[at + 2:] + rest


def stack_of(arguments):
    """Folder of the environment and its requirements for `test --stack colab`."""
    for at, word in enumerate(arguments):
        if word == "--":
            break
        if word == "--stack=colab" or (word == "--stack" and arguments[at + 1:at + 2] == ["colab"]):
            return os.path.join(ROOT, ".venv-colab"), COLAB
    return os.path.join(ROOT, ".venv"), None


def doctor(arguments):
    folder = os.path.join(ROOT, ".venv")
    say("Python {} on {} {}, {}".format(platform.python_version(), platform.system(),
                                        platform.machine(), sys.executable))
    if not is_ready(folder, LEARN):
        raise Trouble("the environment .venv is missing, unfinished or older than "
                      "requirements.txt. Run: python course.py lab")
    return run([python_of(folder), "-m", "tools.doctor"] + arguments)


def main(arguments):
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    command, rest = arguments[0], arguments[1:]
    if command not in COMMANDS:
        raise Trouble("there is no command {!r}; there are: {}".format(
            command, ", ".join(COMMANDS)))
    require_python()
    if command == "doctor":
        return doctor(rest)
    cpu, rest = take(rest, "--cpu", False)
    wheels, rest = take(rest, "--wheels", True)
    if wheels and not os.path.isdir(wheels):
        raise Trouble("there is no folder {} with packages (--wheels)".format(wheels))
    if command == "matrix":                 # makes environments of its own, from the same source
        rest += ["--cpu"] * bool(cpu) + (["--wheels", os.path.abspath(wheels)] if wheels else [])
    needs = COMMANDS[command][0]
    folder = os.path.join(ROOT, ".venv")
    if command == "test":
        folder, other = stack_of(rest)
        needs = other or needs
    asks_only = "-h" in rest or "--help" in rest
    if not is_ready(folder, needs) and not asks_only:
        make_ready(folder, needs, cpu, os.path.abspath(wheels) if wheels else None)
    if not runs(folder):
        raise Trouble("nothing is set up yet. Run: python course.py lab")
    return run([python_of(folder), "-m", "tools." + command] + rest)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Trouble as trouble:
        sys.stderr.write("course: {}\n".format(trouble))
    except KeyboardInterrupt:
        sys.stderr.write("\ncourse: stopped. The same command goes on from here.\n")
    except OSError as error:
        sys.stderr.write("course: {}. Is the folder writable, and is there space on the disk?\n"
                         .format(error))
    sys.exit(1)
