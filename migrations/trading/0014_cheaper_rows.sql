-- The head moves at each append, and only an update that would step back needs the function that refuses it.
DROP TRIGGER journal_head_guard ON journal_head;
CREATE TRIGGER journal_head_guard BEFORE UPDATE ON journal_head FOR EACH ROW
    WHEN (NEW.seq <= OLD.seq OR NEW.at_us < OLD.at_us OR NEW.id <> OLD.id) EXECUTE FUNCTION journal_head_guard();
CREATE TRIGGER journal_head_no_delete BEFORE DELETE ON journal_head FOR EACH ROW EXECUTE FUNCTION journal_head_guard();
