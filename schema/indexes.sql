-- indexes.sql - made after the rows, which is cheaper than keeping them up. allocation has none on
-- purpose: an index over it would cost as much as the load itself; the summaries answer the stock
-- questions, rows from capture key 'first_live_id' on are the live ones, and anything else is one
-- scan.
CREATE INDEX stack_frame_frame ON stack_frame(frame);
CREATE INDEX frame_symbol ON frame(symbol);
CREATE INDEX symbol_name ON symbol(name);
CREATE INDEX task_pid ON task(pid);
CREATE INDEX alloc_site_stack ON alloc_site(stack);
