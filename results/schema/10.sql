-- Version 10. What a judge says to itself before its opinion is kept apart from it. A judge behind a
-- server is known by what the server says of itself, too: judgments from before do not say it, and are
-- asked for anew.
ALTER TABLE judge_call ADD COLUMN reasoning TEXT;
UPDATE judge_call
SET asked = NULL
WHERE response IN (SELECT response.id FROM response JOIN job ON job.id = response.job
                   WHERE json_extract(job.parameters, '$.judge') GLOB 'http*');
