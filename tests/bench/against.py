# SPDX-License-Identifier: BSD-2-Clause
"""
A build against an older one, in one run and in turns: what a message costs and what it waits for, beside the floor, a milter that
does nothing, rspamd, and opendkim with opendmarc, which are left out where they are not installed. Medians of the rounds.
"""
import os
import re
import shutil
import signal
import statistics
import subprocess
import time

from world import DelayProxy, Keys
from world.processes import unix_answers, wait_for
import bench_world
import chain
import idle_sessions
import make_corpus
import make_ordinary
import smtp_delay
import table
import verdicts

CONNECTIONS, BUSY, WARM_UP = 10, 50, 400
IDLE_SESSIONS, BUSY_SESSIONS, GROWTH_FROM = 2000, 200, 10_000
TRIP_SECS = 0.030
EXPIRED_SECS = 2 * bench_world.TRIP_TTL + 0.5
TRIPS, POSTFIX_MAILS = 60, 40       # senders
COUNTED = 150       # messages of the shorter run under valgrind
SECTIONS = "verdicts", "cpu", "count", "wait", "cold", "trips", "memory", "growth", "postfix"


class Program:
    """Something under load. sockets and pids: of the milters, in the order in which the MTA asks them. judges: DMARC passes."""

    def __init__(self, name, sockets, pids, judges=True):
        self.name, self.sockets, self.pids, self.judges = name, sockets, pids, judges
        self.messages = self.unjudged = 0
        self.daemon = self.child = None     # ours, or the milter that does nothing
        self.forget()

    def forget(self):
        """A list each, an entry a load."""
        self.costs, self.passes, self.ends, self.last = [], [], [], []

    def median(self, name):
        values = getattr(self, name)
        return statistics.median(values) if values else None


def neighbours(base, new, name):
    """The median of the ratios of loads in one round, which other load on the machine moves less than those of medians."""
    return statistics.median(b / a if a else float("inf") for a, b in zip(getattr(base, name), getattr(new, name)))


class Against:
    def __init__(self, world, builds, arguments):
        self.world, self.builds, self.arguments, self.serial = world, builds, arguments, 0
        self.unjudged, self.started = dict.fromkeys(builds, 0), []
        self.table, self.keys, self.corpus = table.Table(), Keys(), world.path("corpus")
        self.records, brief = bench_world.Records(), bench_world.ShortLived()
        make_corpus.publish(self.records, self.keys)
        brief.records = list(self.records.records)
        bench_world.publish_senders(brief, self.keys, range(TRIPS + POSTFIX_MAILS))
        lasting = bench_world.Records()
        lasting.records = brief.records
        bench_world.publish_senders(lasting, self.keys, bench_world.COLD)
        self.dns = bench_world.SignedDns(world, brief.records, 53)
        self.dns.start()
        make_corpus.write(self.corpus, self.keys)
        self.trips = bench_world.write_senders(world.path("trips"), self.keys, range(TRIPS))

    def tool(self, name):
        return os.path.join(self.builds[1], "tests/bench", name)

    def load(self, program, messages, connections=CONNECTIONS, corpus=None, may_fail=0.01):
        """may_fail: the part of the messages that may get no verdict. Its figures go to the program. @return those of milterload."""
        argv = [self.tool("milterload"), "-c", str(connections), "-n", str(messages)]
        argv += [word for pid in program.pids for word in ("-p", str(pid))]
        argv += [word for socket in program.sockets for word in ("-s", socket)]
        out = subprocess.run([*argv, corpus or self.corpus], check=True, capture_output=True, text=True).stdout
        figures = {key: float(value) for key, value in re.findall(r"(\w+)=([\d.]+)", out)}
        if figures["accepted"] != messages * len(program.sockets):
            raise SystemExit(f"{program.name}: {figures['accepted']:.0f} of {messages} accepted")
        if program.judges and not figures["dmarc_pass"]:
            raise SystemExit(f"{program.name}: no message has dmarc=pass: it does not judge them")
        if program.daemon is not None:
            self.unjudged[program.daemon.build] += figures["unjudged"]
        program.messages += messages
        program.unjudged += figures["unjudged"]
        if program.unjudged > may_fail * program.messages:
            raise SystemExit(f"{program.name}: {program.unjudged:.0f} of {program.messages} messages with temperror or permerror: "
                             "what they cost says nothing")
        program.costs.append(figures["cpu_seconds"] / messages * 1000)
        program.passes.append((figures["dkim_pass"] + figures["dmarc_pass"]) / messages * 1000)
        program.ends.append(figures["end_median_ms"])
        program.last.append(figures["end_p99_ms"])
        return figures

    def assayd(self, name, build, wrapper=(), dns_port=None, **options):
        daemon = bench_world.Built(self.world, build, dns_port or self.dns.port, **options)
        daemon.start(wrapper)
        program = Program(name, [daemon.socket], [daemon.child.pid])
        program.daemon = daemon
        self.started.append(program)
        return program

    def noop(self, wrapper=()):
        self.serial += 1        # libmilter leaves its socket behind
        socket = self.world.path(f"noop-{self.serial}.sock")
        child = self.world.processes.start("noop", [*wrapper, self.tool("noop_milter"), "-n", "-a", socket])
        wait_for(lambda: unix_answers(socket), "the no-op milter")
        program = Program("no-op milter", [socket], [child.pid], judges=False)
        program.child = child
        return program

    def others(self):
        """Daemons of others that are installed."""
        for name, links in (("rspamd", [chain.Rspamd()]), ("opendkim + opendmarc", [chain.OpenDkim(), chain.OpenDmarc(True)])):
            missing = [link.program for link in links if link.path() is None]
            if missing:
                self.table.note(f"{name}: not installed: {', '.join(missing)} (scripts/setup --bench)")
                continue
            started = [link.start(self.world) for link in links]
            yield Program(name, [socket for socket, _ in started], [pid for _, child in started for pid in chain.family(child.pid)])

    def pair(self, name, **options):
        return [self.assayd(f"{name}, {age}", build, **options) for age, build in zip(("older", "this"), self.builds)]

    def stop(self, *programs):
        for program in programs:
            program.daemon.stop()

    def turns(self, programs, messages, **options):
        """Every other round backwards, so that nobody is always first."""
        for program in programs:
            self.load(program, WARM_UP)
            program.forget()
        for turn in range(self.arguments.rounds):
            for program in programs[::-1 if turn % 2 else 1]:
                self.load(program, messages if "opend" not in program.name else messages // 4, **options)

    def section(self, name):
        """One that breaks off leaves the others to be measured."""
        try:
            getattr(self, name if name != "trips" else "trips_section")()
        except (SystemExit, RuntimeError, AssertionError, OSError, subprocess.SubprocessError) as error:
            self.table.fail(f"broken off: {error}")
            self.stop(*self.started)
        self.started = []

    # ---- the sections

    def verdicts(self):
        """Over the corpus and ordinary mail, by the command line."""
        dns, keys = bench_world.Records(), self.keys
        dns.records = list(self.records.records)
        make_ordinary.publish(dns, keys)
        mails = [*make_ordinary.make(self.arguments.ordinary, keys), *verdicts.corpus_mails(self.corpus)]
        differing, reworded = verdicts.compare(self.world, self.builds, dns, mails)
        self.table.heading("Verdicts")
        self.table.row(f"judged otherwise, of {len(mails)} messages", "messages", None, differing, goal=0, goal_of="value")
        self.table.row("judged alike, header fields in other words", "messages", None, reworded)

    def floor(self, rounds, wrapper=()):
        messages = sorted(os.path.join(self.corpus, name) for name in os.listdir(self.corpus) if name.endswith(".eml"))
        out = subprocess.run([*wrapper, self.tool("floor"), "-n", str(rounds), *messages],
                             check=True, capture_output=True, text=True).stdout
        return float(re.search(r"cpu_secs_per_1000=([\d.]+)", out).group(1))

    def cpu(self):
        self.table.heading(f"CPU, seconds per 1,000 messages of 2 to 200 KB; {CONNECTIONS} sessions, warm caches, medians of "
                           f"{self.arguments.rounds} rounds in turns")
        plain = self.pair("plain")
        validating = self.pair("validating", anchor=self.dns.anchor)
        record = self.pair("record", anchor=self.dns.anchor, record=True)
        noop, others = self.noop(), list(self.others())
        self.turns([noop, *plain, *validating, *record, *others], self.arguments.messages)
        floor = statistics.median(self.floor(max(1, self.arguments.messages // make_corpus.MESSAGES)) for _ in range(self.arguments.rounds))
        for name, (old, new), goal in (("assayd", plain, None), ("assayd, validating", validating, None),
                                       ("assayd, validating, with record", record, 0.5)):
            self.table.row(name, "s", old.median("costs"), new.median("costs"), neighbours(old, new, "costs"), goal)
        best = record[1].median("costs")
        self.table.row("no-op milter, no-reply flags, read-ahead", "s", None, noop.median("costs"))
        self.table.row("floor: RSA, SHA-256 and header fields", "s", None, floor)
        self.table.row("assayd, validating, with record, less no-op; base: floor", "s", floor, best - noop.median("costs"), goal=1.5)
        for other in others:
            self.table.row(f"assayd, validating, with record; base: {other.name}", "s", other.median("costs"), best,
                           neighbours(other, record[1], "costs"), 0.25 if other.name == "rspamd" else 0.12)
        counts = [[program.median("passes") for program in pair] for pair in (plain, validating, record)]
        self.table.row("dkim=pass and dmarc=pass more or fewer than base", "in 1,000", None, max(abs(a - b) for a, b in counts), goal=0,
                       goal_of="value")
        self.stop(*plain, *validating, *record)
        self.world.processes.stop(noop.child)

    @staticmethod
    def total(path):
        """Of a file of callgrind."""
        with open(path, encoding="ascii", errors="replace") as file:
            return int(re.search(r"^(?:summary|totals): (\d+)", file.read(), re.M).group(1))

    def counted(self, start, name, work):
        """Instructions of user space per message, in thousands: those of a long run less those of a short one."""
        totals = []
        for count in (COUNTED, 3 * COUNTED):
            out = self.world.path(f"callgrind-{name}-{count}")
            stop = start(("valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}"))
            if os.path.exists(out):
                shutil.chown(out, "nobody")     # as which assayd goes on
            work(count, stop)
            totals.append(self.total(out))
        return (totals[1] - totals[0]) / (2 * COUNTED) / 1000

    def count(self):
        """As valgrind counts: no load on the machine moves it; it knows nothing of what the kernel does."""
        self.table.heading("Instructions in user space per message, in thousands, by valgrind; validating, with record")
        if shutil.which("valgrind") is None:
            self.table.note("valgrind is not installed")
            return
        def run_daemon(count, program):
            self.load(program, count)
            self.world.processes.stop(program.daemon.child, signal.SIGTERM, 120)
            program.daemon.child = None
        def run_noop(count, program):
            self.load(program, count)
            self.world.processes.stop(program.child, signal.SIGTERM, 60)
        old, new = (self.counted(lambda wrapper, build=build: self.assayd("counted", build, wrapper, anchor=self.dns.anchor, record=True),
                                 str(i), run_daemon) for i, build in enumerate(self.builds))
        noop = self.counted(self.noop, "noop", run_noop)
        self.table.row("assayd", "thousands", old, new)
        self.table.row("no-op milter, no-reply flags", "thousands", None, noop)
        out = self.world.path("callgrind-floor")
        self.floor(1, ("valgrind", "-q", "--tool=callgrind", "--toggle-collect=floor_run", f"--callgrind-out-file={out}"))
        floor = self.total(out) / make_corpus.MESSAGES / 1000
        self.table.row("floor", "thousands", None, floor)
        self.table.row("assayd less no-op milter; base: floor", "thousands", floor, new - noop)

    def wait(self):
        self.table.heading(f"End of message, {BUSY} sessions, warm caches, validating, with record")
        pair = self.pair("wait", anchor=self.dns.anchor, record=True)
        self.turns(pair, self.arguments.messages, connections=BUSY)
        for name, key in (("p50", "ends"), ("p99", "last")):
            self.table.row(name, "ms", pair[0].median(key), pair[1].median(key), neighbours(*pair, key), 0.6)
        self.stop(*pair)

    def cold(self):
        """New daemons each round; the resolver behind them is warm after the first."""
        count = len(bench_world.COLD)
        self.table.heading(f"{count} messages from as many signed zones, nothing cached, {BUSY} sessions, validating, with record")
        corpus = bench_world.write_senders(self.world.path("cold"), self.keys, bench_world.COLD)
        sums = [Program(name, [], []) for name in ("older", "this")]
        for turn in range(self.arguments.rounds + 1):
            for which in (0, 1)[::-1 if turn % 2 else 1]:
                program = self.assayd("cold", self.builds[which], anchor=self.dns.anchor, record=True)
                self.load(program, count, connections=BUSY, corpus=corpus, may_fail=1)
                self.stop(program)
                sums[which].unjudged += program.unjudged
                if turn:
                    for key in ("costs", "ends", "last"):
                        getattr(sums[which], key).extend(getattr(program, key))
        for name, unit, key in (("CPU per 1,000 messages", "s", "costs"), ("end of message, p50", "ms", "ends"),
                                ("end of message, p99", "ms", "last")):
            self.table.row(name, unit, *(each.median(key) for each in sums), neighbours(*sums, key))
        self.table.row(f"temperror or permerror in {self.arguments.rounds + 1} rounds", "messages", *(each.unjudged for each in sums))

    def trips_of(self, program, proxy):
        """@return [(round trips at p50, queries a message)]: unknown senders, then the same with expired records."""
        figures = []
        for _ in range(2):
            asked = proxy.questions
            waited = self.load(program, TRIPS, connections=1, corpus=self.trips)["end_median_ms"] / 1000 / TRIP_SECS
            figures.append((waited, (proxy.questions - asked) / TRIPS))
            time.sleep(EXPIRED_SECS)
        return figures

    def trips_section(self):
        self.table.heading(f"End of message with {TRIP_SECS * 1000:.0f} ms added to every DNS answer, in round trips at p50; "
                           "one session, no gaps between commands")
        proxy = DelayProxy(self.world, self.dns.port, TRIP_SECS)
        for name, anchor in (("", None), (", validating", self.dns.anchor)):
            sums = []
            for build in self.builds:
                runs = []
                for _ in range(2):
                    program = self.assayd("trips", build, dns_port=proxy.port, anchor=anchor, record=True)
                    runs.append(self.trips_of(program, proxy))
                    self.stop(program)
                sums.append([[statistics.mean(run[kind][figure] for run in runs) for figure in (0, 1)] for kind in (0, 1)])
            old, new = sums
            for kind, senders, goal in ((0, "unknown senders", 2.1), (1, "known senders, records expired", 1.1)):
                self.table.row(senders + name, "round trips", old[kind][0], new[kind][0], goal=goal, goal_of="value")
                self.table.row(f"{senders}{name}: queries", "a message", old[kind][1], new[kind][1], goal=1.1)
        proxy.close()

    def memory(self):
        self.table.heading(f"{IDLE_SESSIONS} idle sessions, then {BUSY_SESSIONS} busy ones beside; validating, with record")
        rows = []
        for build in self.builds:
            program = self.assayd("memory", build, anchor=self.dns.anchor, record=True, sessions=IDLE_SESSIONS + BUSY_SESSIONS + 100)
            with idle_sessions.held(program.sockets[0], IDLE_SESSIONS):
                idle = program.daemon.status("VmRSS") / 1024, program.daemon.status("Threads")
                self.load(program, 10 * BUSY_SESSIONS, connections=BUSY_SESSIONS)
                rows.append((*idle, program.daemon.status("VmHWM") / 1024))
            self.stop(program)
        old, new = rows
        self.table.row("resident, idle", "MB", old[0], new[0])
        self.table.row("threads, idle", "threads", old[1], new[1], goal=100, goal_of="value")
        self.table.row("resident at most, idle and busy", "MB", old[2], new[2], goal=60, goal_of="value")

    def growth(self):
        """Of this build; small messages, since only their number counts."""
        self.table.heading("Resident memory of this build over many messages of 2 to 8 KB, validating, with record")
        corpus = bench_world.write_light(self.world.path("light"), self.corpus)
        program = self.assayd("growth", self.builds[1], anchor=self.dns.anchor, record=True)
        resident = []
        for messages in (GROWTH_FROM, self.arguments.growth // 2 - GROWTH_FROM, self.arguments.growth - self.arguments.growth // 2):
            self.load(program, messages, corpus=corpus)
            resident.append(program.daemon.status("VmRSS") / 1024)
        for after, memory, goal in ((self.arguments.growth // 2, resident[1], None), (self.arguments.growth, resident[2], 1.05)):
            self.table.row(f"after {after:,} messages; base: after {GROWTH_FROM:,}", "MB", resident[0], memory, goal=goal)
        self.table.row("growth over the second half", "B/message", None,
                       max(0, resident[2] - resident[1]) * 2**20 / (self.arguments.growth // 2))
        self.stop(program)

    def postfix(self):
        """With its own share, which is what it takes without a milter."""
        self.table.heading(f"Through Postfix, client {TRIP_SECS * 1000:.0f} ms away, {TRIP_SECS * 1000:.0f} ms a DNS answer, unknown "
                           "senders, in round trips")
        if os.geteuid() != 0 or shutil.which("postfix", path="/usr/sbin") is None:
            self.table.note("Postfix is not installed")
            return
        proxy = DelayProxy(self.world, self.dns.port, TRIP_SECS)
        mails = [bench_world.sender_mail(self.keys, i) for i in range(TRIPS, TRIPS + POSTFIX_MAILS)]
        pair = self.pair("postfix", dns_port=proxy.port, record=True, findings={})
        alone, old, new = smtp_delay.measure(self.world, ["", *("unix:" + program.sockets[0] for program in pair)], mails, TRIP_SECS)
        for name, at in (("p50", 0), ("p99", 1)):
            self.table.row(f"end of message, {name}", "round trips", old[at], new[at])
        self.table.row("Postfix alone, p50", "round trips", None, alone[0])
        self.table.row("end of message less Postfix alone, p50", "round trips", old[0] - alone[0], new[0] - alone[0], goal=1.1,
                       goal_of="value")
        self.stop(*pair)
        proxy.close()


def run(world, builds, arguments, only):
    """@return whether every goal was met that was measured."""
    begun = time.monotonic()
    against = Against(world, builds, arguments)
    for name in SECTIONS:
        if not only or name in only:
            against.section(name)
    against.table.heading(f"In all sections; measured in {time.monotonic() - begun:.0f} s")
    against.table.row("temperror or permerror, which nobody should see here", "messages", *against.unjudged.values())
    against.table.show()
    return against.table.fine
