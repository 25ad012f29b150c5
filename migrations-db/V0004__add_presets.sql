-- The policies that come with the product. Numbers of the imitations are the peers' own; what our terms cannot say stands in the description.
-- Canonical proto JSON of orchestrator.v1.PolicyDocument.
INSERT INTO policies (name, newest_revision, preset, deleted)
VALUES
    ('minimal-downtime', 1, true, false),
    ('suspend-if-needed', 1, true, false),
    ('post-copy', 1, true, false),
    ('vfio-gpu', 1, true, false),
    ('doubling', 1, true, false),
    ('ovirt-minimal-downtime', 1, true, false),
    ('ovirt-suspend-workload', 1, true, false),
    ('ovirt-post-copy', 1, true, false),
    ('ovirt-very-large-vms', 1, true, false),
    ('nova', 1, true, false),
    ('nova-force-complete', 1, true, false),
    ('kubevirt', 1, true, false),
    ('kubevirt-ramp', 1, true, false),
    ('proxmox', 1, true, false);

INSERT INTO policy_revisions (policy_name, revision, document, created_at)
VALUES
    ('minimal-downtime', 1, $${
      "description": "Short downtime before all else: climbs from 100 ms to at most 500 ms, a step for each round without improvement, slows the guest down by at most 60 % when that is not enough, and gives up rather than stop the guest for longer.",
      "initialDowntime": "0.100s",
      "maxDowntime": "0.500s",
      "ladder": {"rungs": [
        {"limit": "0.150s", "stalledRounds": 1},
        {"limit": "0.200s", "stalledRounds": 1},
        {"limit": "0.300s", "stalledRounds": 1},
        {"limit": "0.400s", "stalledRounds": 1},
        {"limit": "0.500s", "stalledRounds": 1}
      ]},
      "steps": [
        {"raiseDowntime": {}},
        {"when": [{"stalled": {"rounds": 2}}], "throttle": {"initialPercent": 20, "incrementPercent": 10, "maxPercent": 60}},
        {"when": [{"stalled": {"rounds": 12}}, {"limitExhausted": {"for": "180s"}}], "abort": {}}
      ],
      "stop": {"maxTotalTimePerGib": "300s"}
    }$$, '2026-01-01 00:00:00+00'),

    ('suspend-if-needed', 1, $${
      "description": "Finishes if it can be finished decently: doubles the limit from 100 ms to 1 s while rounds bring no improvement, slows the guest down, then stops it for at most 5 s to let the rest across, and gives up if even that is too little.",
      "initialDowntime": "0.100s",
      "maxDowntime": "1s",
      "exponential": {"factor": 2, "stalledRounds": 1},
      "steps": [
        {"raiseDowntime": {}},
        {"when": [{"stalled": {"rounds": 3}}], "throttle": {"initialPercent": 20, "incrementPercent": 10, "maxPercent": 80}},
        {"when": [{"stalled": {"rounds": 8}}, {"limitExhausted": {"for": "120s"}}], "pause": {"maxPause": "5s"}},
        {"when": [{"limitExhausted": {"for": "300s"}}], "abort": {}}
      ],
      "stop": {"maxTotalTimePerGib": "300s"}
    }$$, '2026-01-01 00:00:00+00'),

    ('post-copy', 1, $${
      "description": "Always gets there: climbs from 100 ms to 300 ms, then lets the guest run on the target and fetches what is missing on demand. A lost link in that phase stops the guest until the link is back. Not for guests with VFIO devices.",
      "initialDowntime": "0.100s",
      "maxDowntime": "0.300s",
      "ladder": {"rungs": [
        {"limit": "0.200s", "stalledRounds": 1},
        {"limit": "0.300s", "stalledRounds": 1}
      ]},
      "steps": [
        {"raiseDowntime": {}},
        {"when": [{"stalled": {"rounds": 3}}, {"infeasible": {}}, {"limitExhausted": {"for": "60s"}}], "postCopy": {}}
      ],
      "stop": {"maxTotalTimePerGib": "300s"}
    }$$, '2026-01-01 00:00:00+00'),

    ('vfio-gpu', 1, $${
      "description": "For guests with VFIO devices whose state can only be sent while they are stopped: doubles the limit from 500 ms up to 30 s, slows the CPUs by at most 40 %, since that does not slow the device down, and never uses post-copy.",
      "initialDowntime": "0.500s",
      "maxDowntime": "30s",
      "exponential": {"factor": 2, "stalledRounds": 1},
      "steps": [
        {"raiseDowntime": {}},
        {"when": [{"stalled": {"rounds": 4}}], "throttle": {"initialPercent": 20, "incrementPercent": 10, "maxPercent": 40}},
        {"when": [{"stalled": {"rounds": 20}}, {"limitExhausted": {"for": "300s"}}], "abort": {}}
      ],
      "stop": {"maxTotalTimePerGib": "300s"}
    }$$, '2026-01-01 00:00:00+00'),

    ('doubling', 1, $${
      "description": "30 ms in the first minute, then twice as much every minute up to 8 s; gives up after 10 minutes at 8 s. Looks at nothing but the clock.",
      "initialDowntime": "0.030s",
      "maxDowntime": "8s",
      "exponential": {"factor": 2, "time": "60s", "startAfter": "60s"},
      "steps": [
        {"raiseDowntime": {}},
        {"when": [{"limitExhausted": {"for": "600s"}}], "abort": {}}
      ]
    }$$, '2026-01-01 00:00:00+00'),

    ('ovirt-minimal-downtime', 1, $${
      "description": "oVirt's \"Minimal downtime\": the limit rises with the number of passes whether or not they bring progress, CPUs are throttled as the engine sees fit, and the first pass after the last value aborts. There, passes are counted from a first look some 10 s into the copy, at most one step is taken every 10 s, and the bandwidth is the link's divided by the policy's number of parallel migrations.",
      "initialDowntime": "0.100s",
      "maxDowntime": "0.500s",
      "ladder": {"rungs": [
        {"limit": "0.150s", "passes": 2},
        {"limit": "0.200s", "passes": 1},
        {"limit": "0.300s", "passes": 1},
        {"limit": "0.400s", "passes": 1},
        {"limit": "0.500s", "passes": 2}
      ]},
      "steps": [
        {"raiseDowntime": {}},
        {"when": [{"elapsedAbove": "1s"}], "throttle": {"initialPercent": 20, "incrementPercent": 10, "maxPercent": 99}},
        {"when": [{"passesAbove": 8}], "abort": {}}
      ]
    }$$, '2026-01-01 00:00:00+00'),

    ('ovirt-suspend-workload', 1, $${
      "description": "oVirt's \"Suspend workload if needed\": as \"Minimal downtime\", with a last value of 5 s for one pass before it aborts. Nothing is suspended. There, passes are counted from a first look some 10 s into the copy, at most one step is taken every 10 s, and the bandwidth is the link's divided by the policy's number of parallel migrations, and XBZRLE compression is on.",
      "initialDowntime": "0.100s",
      "maxDowntime": "5s",
      "ladder": {"rungs": [
        {"limit": "0.150s", "passes": 2},
        {"limit": "0.200s", "passes": 1},
        {"limit": "0.300s", "passes": 1},
        {"limit": "0.400s", "passes": 1},
        {"limit": "0.500s", "passes": 2},
        {"limit": "5s", "passes": 1}
      ]},
      "steps": [
        {"raiseDowntime": {}},
        {"when": [{"elapsedAbove": "1s"}], "throttle": {"initialPercent": 20, "incrementPercent": 10, "maxPercent": 99}},
        {"when": [{"passesAbove": 9}], "abort": {}}
      ]
    }$$, '2026-01-01 00:00:00+00'),

    ('ovirt-post-copy', 1, $${
      "description": "oVirt's \"Post-copy migration\": two raises by the number of passes, then post-copy at the next one. There, passes are counted from a first look some 10 s into the copy, at most one step is taken every 10 s, and the bandwidth is the link's divided by the policy's number of parallel migrations, and a switch to post-copy that fails is followed by an abort.",
      "initialDowntime": "0.100s",
      "maxDowntime": "0.200s",
      "ladder": {"rungs": [
        {"limit": "0.150s", "passes": 2},
        {"limit": "0.200s", "passes": 1}
      ]},
      "steps": [
        {"raiseDowntime": {}},
        {"when": [{"elapsedAbove": "1s"}], "throttle": {"initialPercent": 20, "incrementPercent": 10, "maxPercent": 99}},
        {"when": [{"passesAbove": 4}], "postCopy": {}}
      ]
    }$$, '2026-01-01 00:00:00+00'),

    ('ovirt-very-large-vms', 1, $${
      "description": "oVirt's \"Very large VMs\": 300 ms to 1.5 s by the number of passes, 5 s for one more pass, then abort. There, passes are counted from a first look some 10 s into the copy, at most one step is taken every 10 s, and the bandwidth is the link's divided by the policy's number of parallel migrations, and zero-copy sending is on.",
      "initialDowntime": "0.300s",
      "maxDowntime": "5s",
      "ladder": {"rungs": [
        {"limit": "0.400s", "passes": 2},
        {"limit": "0.500s", "passes": 1},
        {"limit": "0.700s", "passes": 1},
        {"limit": "1s", "passes": 1},
        {"limit": "1.500s", "passes": 2},
        {"limit": "5s", "passes": 1}
      ]},
      "steps": [
        {"raiseDowntime": {}},
        {"when": [{"elapsedAbove": "1s"}], "throttle": {"initialPercent": 20, "incrementPercent": 10, "maxPercent": 99}},
        {"when": [{"passesAbove": 9}], "abort": {}}
      ]
    }$$, '2026-01-01 00:00:00+00'),

    ('nova', 1, $${
      "description": "Nova's default: 50 to 500 ms in eleven values, each for 75 s per GiB of memory, abort after 800 s per GiB. Looks at nothing but the clock. There, the guest's flavor counts with at least 2 GiB (here 1 GiB), copied local disks count too, the clock starts before the copy, and until the first raise has been set the engine's own 300 ms hold.",
      "initialDowntime": "0.050s",
      "maxDowntime": "0.500s",
      "ladder": {"rungs": [
        {"limit": "0.095s", "timePerGib": "75s"},
        {"limit": "0.140s", "timePerGib": "75s"},
        {"limit": "0.185s", "timePerGib": "75s"},
        {"limit": "0.230s", "timePerGib": "75s"},
        {"limit": "0.275s", "timePerGib": "75s"},
        {"limit": "0.320s", "timePerGib": "75s"},
        {"limit": "0.365s", "timePerGib": "75s"},
        {"limit": "0.410s", "timePerGib": "75s"},
        {"limit": "0.455s", "timePerGib": "75s"},
        {"limit": "0.500s", "timePerGib": "75s"}
      ]},
      "steps": [
        {"raiseDowntime": {}},
        {"when": [{"elapsedAbovePerGib": "800s"}], "abort": {}}
      ]
    }$$, '2026-01-01 00:00:00+00'),

    ('nova-force-complete', 1, $${
      "description": "Nova with live_migration_timeout_action=force_complete and no post-copy permitted: as \"nova\", but after 800 s per GiB the guest is stopped until the rest is across. There, the guest's flavor counts with at least 2 GiB (here 1 GiB), copied local disks count too, the clock starts before the copy, and until the first raise has been set the engine's own 300 ms hold. Its pause has no bound; here it ends after an hour, the longest there is, and the migration is given up.",
      "initialDowntime": "0.050s",
      "maxDowntime": "0.500s",
      "ladder": {"rungs": [
        {"limit": "0.095s", "timePerGib": "75s"},
        {"limit": "0.140s", "timePerGib": "75s"},
        {"limit": "0.185s", "timePerGib": "75s"},
        {"limit": "0.230s", "timePerGib": "75s"},
        {"limit": "0.275s", "timePerGib": "75s"},
        {"limit": "0.320s", "timePerGib": "75s"},
        {"limit": "0.365s", "timePerGib": "75s"},
        {"limit": "0.410s", "timePerGib": "75s"},
        {"limit": "0.455s", "timePerGib": "75s"},
        {"limit": "0.500s", "timePerGib": "75s"}
      ]},
      "steps": [
        {"raiseDowntime": {}},
        {"when": [{"elapsedAbovePerGib": "800s"}], "pause": {"maxPause": "3600s"}},
        {"when": [{"elapsedAbovePerGib": "3600s"}], "abort": {}}
      ]
    }$$, '2026-01-01 00:00:00+00'),

    ('kubevirt', 1, $${
      "description": "KubeVirt's default: the engine's 300 ms throughout, abort after 150 s per GiB or after 150 s without progress. There, the size is counted in 10^9 bytes, rounded up, and any drop against the last poll counts as progress; here only a new low does.",
      "initialDowntime": "0.300s",
      "maxDowntime": "0.300s",
      "steps": [
        {"when": [{"elapsedAbovePerGib": "150s"}, {"noProgressFor": "150s"}], "abort": {}}
      ]
    }$$, '2026-01-01 00:00:00+00'),

    ('kubevirt-ramp', 1, $${
      "description": "KubeVirt with downtimeTuning: 150 to 900 ms from the third pass on, a step every 10 s, abort as in \"kubevirt\". There, the size is counted in 10^9 bytes, rounded up, and any drop against the last poll counts as progress; here only a new low does. It steps only in passes it has seen, and never sooner than 10 s after the start.",
      "initialDowntime": "0.150s",
      "maxDowntime": "0.900s",
      "ladder": {"rungs": [
        {"limit": "0.257s", "passes": 2},
        {"limit": "0.364s", "time": "10s"},
        {"limit": "0.471s", "time": "10s"},
        {"limit": "0.578s", "time": "10s"},
        {"limit": "0.685s", "time": "10s"},
        {"limit": "0.792s", "time": "10s"},
        {"limit": "0.899s", "time": "10s"},
        {"limit": "0.900s", "time": "10s"}
      ]},
      "steps": [
        {"raiseDowntime": {}},
        {"when": [{"elapsedAbovePerGib": "150s"}, {"noProgressFor": "150s"}], "abort": {}}
      ]
    }$$, '2026-01-01 00:00:00+00'),

    ('proxmox', 1, $${
      "description": "Proxmox VE: the limit doubles from 100 ms up to 2000 s while the copy makes no progress, CPUs are throttled as the engine sees fit. There, six rises of remaining RAM in total double it, wherever the polls catch them, and so does every poll at which no RAM remains; XBZRLE is on; and it never gives up. Here six rounds in a row without improvement double it and seven days end it.",
      "initialDowntime": "0.100s",
      "maxDowntime": "2000s",
      "exponential": {"factor": 2, "stalledRounds": 6},
      "steps": [
        {"raiseDowntime": {}},
        {"when": [{"elapsedAbove": "1s"}], "throttle": {"initialPercent": 20, "incrementPercent": 10, "maxPercent": 99}},
        {"when": [{"elapsedAbove": "604800s"}], "abort": {}}
      ]
    }$$, '2026-01-01 00:00:00+00');
