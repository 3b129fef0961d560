-- Version 5: until when the mail about a failed payment can be taken back, and what was told before it.

ALTER TABLE subscriptions ADD COLUMN failure_mail_due_ms INTEGER;
ALTER TABLE subscriptions ADD COLUMN failure_told_before TEXT NOT NULL DEFAULT '';
