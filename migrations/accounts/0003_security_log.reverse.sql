DROP TRIGGER security_log_append_only ON accounts_securityevent;
DROP FUNCTION security_log_refuse();
