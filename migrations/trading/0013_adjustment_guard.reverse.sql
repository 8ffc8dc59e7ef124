DROP TRIGGER adjustment_stays ON adjustment;
DROP TRIGGER adjustment_guard ON adjustment;
DROP FUNCTION adjustment_stays();
DROP FUNCTION adjustment_guard();
