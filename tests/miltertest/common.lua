-- What all scripts share. `socket` is where callbluff listens; its rules act by sender:
-- accept@, tag@, hold@, reject@, defer@, discard@actions.example.net.

-- Ends the script. miltertest itself does not say why a script ended.
function fail(what)
	mt.echo("failed: " .. what)
	error(what)
end

-- Fails unless the call returned nil, which is how miltertest says yes.
function ok(what, result)
	if result ~= nil then
		fail(what .. ": " .. tostring(result))
	end
end

function check(what, condition)
	if not condition then
		fail(what)
	end
end

function connect()
	local conn = mt.connect(socket)
	check("no connection to " .. socket, conn ~= nil)
	return conn
end

function envelope(conn, sender)
	ok("MAIL", mt.mailfrom(conn, "<" .. sender .. "@actions.example.net>"))
	ok("RCPT", mt.rcptto(conn, "<bob@example.org>"))
	data(conn)
end

-- Commands that callbluff may have asked not to be sent.
function data(conn)
	if not mt.test_option(conn, SMFIP_NODATA) then
		ok("DATA", mt.data(conn))
	end
end

function eoh(conn)
	if not mt.test_option(conn, SMFIP_NOEOH) then
		ok("end of header", mt.eoh(conn))
	end
end

function header(conn)
	ok("From", mt.header(conn, "From", " Ann Example <ann@example.net>"))
	ok("Subject", mt.header(conn, "Subject", " Minutes"))
	ok("Date", mt.header(conn, "Date", " Fri, 20 Nov 2026 09:00:00 +0000"))
	ok("Message-ID", mt.header(conn, "Message-ID", " <minutes@example.net>"))
end

function body(conn)
	eoh(conn)
	ok("body", mt.bodystring(conn, "Dear Bob,\r\nsee you on Friday.\r\n"))
end

-- A whole message; the last answer to it.
function message(conn, sender)
	envelope(conn, sender)
	header(conn)
	body(conn)
	ok("end of message", mt.eom(conn))
	return mt.getreply(conn)
end

-- Did callbluff insert a field of its own?
function inserts(conn)
	return mt.eom_check(conn, MT_HDRINSERT, "X-Callbluff-Verdict")
end

-- The answer that each sender of the rules gets.
expected = {
	accept = SMFIR_CONTINUE,
	tag = SMFIR_CONTINUE,
	hold = SMFIR_CONTINUE,
	reject = SMFIR_REPLYCODE,
	defer = SMFIR_REPLYCODE,
	discard = SMFIR_DISCARD,
}

-- A message whose answer and changes must be those of its sender's rule.
function acts(conn, sender)
	local reply = message(conn, sender)
	check(sender .. ": answer " .. reply, reply == expected[sender])
	check(sender .. ": own field", inserts(conn) == (sender == "tag" or sender == "hold"))
	check(sender .. ": hold", mt.eom_check(conn, MT_QUARANTINE) == (sender == "hold"))
	if sender == "reject" then
		-- The per cent sign is doubled: MTAs take a single one for a placeholder.
		check("reject: reply", mt.eom_check(conn, MT_SMTPREPLY, "550", "5.7.1", "Refused, 100%% sure"))
	end
end
