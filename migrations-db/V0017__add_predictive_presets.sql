-- Predictive pacing, and what was missing of the imitations. Canonical proto JSON of orchestrator.v1.PolicyDocument.
INSERT INTO policies (name, newest_revision, preset, deleted)
VALUES
    ('predictive', 1, true, false),
    ('predictive-suspend', 1, true, false),
    ('predictive-post-copy', 1, true, false),
    ('predictive-gpu', 1, true, false),
    ('nova-post-copy', 1, true, false),
    ('virsh-timeout-suspend', 1, true, false),
    ('qemu-300ms', 1, true, false);

INSERT INTO policy_revisions (policy_name, revision, document, created_at)
VALUES
    ('predictive', 1, $${
      "description": "Decides from the numbers: sets the limit just above what the copy reaches, slows the guest down only as far as needed and by at most 80 % where the copy alone does not get there, and gives up at once where nothing on this ladder would, instead of at a timeout. Never stops the guest for longer than was promised.",
      "initialDowntime": "0.100s",
      "maxDowntime": "1s",
      "predictive": {},
      "steps": [
        {"raiseDowntime": {}},
        {"throttle": {"initialPercent": 20, "incrementPercent": 10, "maxPercent": 80}},
        {"abort": {}}
      ],
      "stop": {"maxTotalTimePerGib": "300s"}
    }$$, '2026-01-01 00:00:00+00'),

    ('predictive-suspend', 1, $${
      "description": "As \"predictive\", and where slowing the guest down would not be enough it is stopped for at most 5 s, when that is long enough to let the rest across.",
      "initialDowntime": "0.100s",
      "maxDowntime": "1s",
      "predictive": {},
      "steps": [
        {"raiseDowntime": {}},
        {"throttle": {"initialPercent": 20, "incrementPercent": 10, "maxPercent": 80}},
        {"pause": {"maxPause": "5s"}},
        {"abort": {}}
      ],
      "stop": {"maxTotalTimePerGib": "300s"}
    }$$, '2026-01-01 00:00:00+00'),

    ('predictive-post-copy', 1, $${
      "description": "Always gets there: as soon as it is sure that the copy alone would not keep the budget, the guest runs on at the target and fetches what is missing on demand. A lost link in that phase stops the guest until the link is back. Not for guests with VFIO devices.",
      "initialDowntime": "0.100s",
      "maxDowntime": "0.500s",
      "predictive": {},
      "steps": [
        {"raiseDowntime": {}},
        {"postCopy": {}}
      ],
      "stop": {"maxTotalTimePerGib": "300s"}
    }$$, '2026-01-01 00:00:00+00'),

    ('predictive-gpu', 1, $${
      "description": "For guests with VFIO devices whose state can only be sent while they are stopped: as \"predictive\" with up to 30 s of downtime and at most 40 % of throttling, since that does not slow the device down.",
      "initialDowntime": "0.500s",
      "maxDowntime": "30s",
      "predictive": {},
      "steps": [
        {"raiseDowntime": {}},
        {"throttle": {"initialPercent": 20, "incrementPercent": 10, "maxPercent": 40}},
        {"abort": {}}
      ],
      "stop": {"maxTotalTimePerGib": "300s"}
    }$$, '2026-01-01 00:00:00+00'),

    ('nova-post-copy', 1, $${
      "description": "Nova with live_migration_timeout_action=force_complete and post-copy permitted: as \"nova\", but after 800 s per GiB it switches to post-copy. There, the guest's flavor counts with at least 2 GiB (here 1 GiB), copied local disks count too, the clock starts before the copy, and until the first raise has been set the engine's own 300 ms hold.",
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
        {"when": [{"elapsedAbovePerGib": "800s"}], "postCopy": {}}
      ]
    }$$, '2026-01-01 00:00:00+00'),

    ('virsh-timeout-suspend', 1, $${
      "description": "virsh migrate --live --timeout 30: the engine's 300 ms, and after 30 s the guest is stopped until the rest is across. There, the timer starts with the first figures and the pause has no bound; here it ends after an hour, the longest there is, and the migration is given up.",
      "initialDowntime": "0.300s",
      "maxDowntime": "0.300s",
      "steps": [
        {"when": [{"elapsedAbove": "30s"}], "pause": {"maxPause": "3600s"}},
        {"when": [{"elapsedAbove": "7200s"}], "abort": {}}
      ]
    }$$, '2026-01-01 00:00:00+00'),

    ('qemu-300ms', 1, $${
      "description": "QEMU by itself with its bandwidth cap lifted: 300 ms throughout, and no end for a guest that does not get there. Here seven days end it.",
      "initialDowntime": "0.300s",
      "maxDowntime": "0.300s",
      "steps": [
        {"when": [{"elapsedAbove": "604800s"}], "abort": {}}
      ]
    }$$, '2026-01-01 00:00:00+00');
