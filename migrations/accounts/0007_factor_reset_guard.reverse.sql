DROP TRIGGER accounts_factor_reset_stays ON accounts_factorreset;
DROP TRIGGER accounts_factor_reset_guard ON accounts_factorreset;
DROP FUNCTION accounts_factor_reset_guard();
