DROP TRIGGER accounts_notice_withdrawal_append_only ON accounts_notice_withdrawal;
DROP TRIGGER accounts_notice_append_only ON accounts_notice;
DROP FUNCTION notice_refuse();
