DROP TRIGGER funding_step_append_only ON funding_deposit_step;
DROP TRIGGER funding_address_stays ON funding_address;
DROP TRIGGER funding_deposit_stays ON funding_deposit;
DROP TRIGGER funding_deposit_guard ON funding_deposit;
DROP FUNCTION funding_refuse();
DROP FUNCTION funding_deposit_guard();
