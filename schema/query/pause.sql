-- How often recording was paused and for how long in all; and, of a flight recorder, from when on the
-- events of every CPU are there.
SELECT
	(SELECT count(*) FROM loss WHERE kind = 'paused') AS pauses,
	(SELECT coalesce(sum(to_time - from_time), 0) FROM loss WHERE kind = 'paused') AS paused,
	(SELECT coalesce(max(to_time) + 1, 0) FROM loss WHERE kind = 'overwritten') AS complete_from,
	(SELECT coalesce(max(value), 0) FROM capture WHERE key = 'events.overwritten') AS overwritten;
