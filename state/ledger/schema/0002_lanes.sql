-- Version 2. An index of ready jobs for each lane, so that neither lane's backlog hides the other's jobs. The kinds are
-- those of LaneOf in state/ledger.h.
DROP INDEX jobs_ready;
CREATE INDEX jobs_ready_apply ON jobs (due_ms) WHERE state = 'ready' AND kind IN ('apply', 'access_check');
CREATE INDEX jobs_ready_outside ON jobs (due_ms) WHERE state = 'ready' AND kind NOT IN ('apply', 'access_check');
