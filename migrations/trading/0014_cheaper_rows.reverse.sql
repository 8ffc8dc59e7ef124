DROP TRIGGER journal_head_no_delete ON journal_head;
DROP TRIGGER journal_head_guard ON journal_head;
CREATE TRIGGER journal_head_guard BEFORE UPDATE OR DELETE ON journal_head
    FOR EACH ROW EXECUTE FUNCTION journal_head_guard();
