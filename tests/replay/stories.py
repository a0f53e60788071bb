"""The attacks: published incidents and the invariants of approvals, told over toy servers that really act."""
from databases import DropTable
from flows import GitHubToxicFlow, SplitSecret, SupabaseTicket
from payments import ApprovalMutated, RefundInjection, SelfApproval
from tools import RugPull, Shadowing

STORIES = [RefundInjection, GitHubToxicFlow, SupabaseTicket, RugPull, Shadowing, SplitSecret, DropTable, ApprovalMutated, SelfApproval]
